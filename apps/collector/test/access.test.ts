import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCredential } from "@heddle/runtime";
import {
  changeUser,
  createLocalUser,
  createSession,
  endSessions,
  openConfigDb,
} from "@heddle/store";
import { startDatabase } from "@heddle/testkit";
import { runCollector } from "./running-collector.ts";

const HOUR_MS = 3_600_000;

test("a session opens the collector as soon as it began and closes it, with its streams, when it has ended", async (t) => {
  const { url } = await startDatabase(t);
  const db = openConfigDb(url, () => {});
  t.after(() => db.close());
  const collector = await runCollector(t, url);
  const nowMs = Date.now();
  await createLocalUser(db, {
    name: "ada",
    displayName: undefined,
    grants: [{ namespace: "shop", role: "viewer" }],
    createdBy: "test",
    setupHash: new Uint8Array(32),
    setupEndsAtMs: nowMs + HOUR_MS,
  });
  const { id, secret, secretHash } = makeCredential("session");
  const get = (path: string, token = secret) =>
    fetch(`http://127.0.0.1:${collector.adminPort}/api/v1${path}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(30_000),
    });
  assert.equal((await get("/graph")).status, 401);
  await createSession(db, {
    id,
    secretHash,
    userName: "ada",
    owner: "ada",
    grants: undefined,
    method: "password",
    address: "192.0.2.7",
    agent: "test",
    createdAtMs: nowMs,
    expiresAtMs: nowMs + HOUR_MS,
  });
  const stream = await get("/graph/stream");
  assert.equal(stream.status, 200, "at once: nobody waits for the next look at the database");
  assert.equal((await get("/graph", `${secret.slice(0, -1)}_`)).status, 401);
  await changeUser(db, "ada", { grants: [] });
  await stream.text(); // ends: who has no role may not go on looking
  assert.equal((await get("/graph")).status, 403);
  await endSessions(db, { id });
  const deadlineMs = Date.now() + 20_000;
  for (let status = 403; status !== 401; status = (await get("/graph")).status) {
    assert.ok(Date.now() < deadlineMs, `still ${status}`);
  }
});
