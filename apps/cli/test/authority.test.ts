import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  IdentityResponse,
  RevocationResponse,
  RotationState,
  TokenCreateResponse,
  TokenRevokeResponse,
  TokensResponse,
} from "@heddle/contracts";
import { startMesh, waitFor } from "@heddle/testkit";

const HEDDLE = fileURLToPath(new URL("../bin/heddle.mjs", import.meta.url));
const SLOW_MS = 90_000;

type Run = { readonly code: number; readonly out: string; readonly err: string };

/** A mesh with one proxy, and the command line against it. */
async function setUp(t: TestContext) {
  const mesh = await startMesh(t);
  await mesh.startProxy("shop", {
    name: "host-a",
    workloads: [{ namespace: "shop", service: "reviews", version: "v1" }],
  });
  const env = {
    PATH: process.env["PATH"] ?? "",
    HEDDLE_API_URL: `http://127.0.0.1:${mesh.controlPlane.ready.adminPort}`,
    HEDDLE_API_TOKEN: mesh.apiToken,
  };
  const heddle = async (...args: string[]): Promise<Run> => {
    try {
      const run = await promisify(execFile)(process.execPath, [HEDDLE, ...args], { env });
      return { code: 0, out: run.stdout, err: run.stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, out: stdout, err: stderr };
    }
  };
  const json = async (...args: string[]): Promise<unknown> => {
    const run = await heddle(...args, "-o", "json");
    assert.equal(run.code, 0, run.err);
    return JSON.parse(run.out);
  };
  await waitFor("certificates in use", SLOW_MS, async () => {
    const { certificates } = IdentityResponse.parse(await json("ca", "status"));
    return certificates.inUse === 2;
  });
  return { heddle, json };
}

test("ca rotate shows its progress in words and ends when every proxy has followed", async (t) => {
  const { heddle, json } = await setUp(t);
  const { code, out, err } = await heddle("ca", "rotate", "--reason", "a drill");
  assert.equal(code, 0, err);
  assert.match(err, /^trusting: [01] of 1 proxies/m);
  assert.equal(out, "done: the new authority signs, the old one is gone\n");
  const status = await heddle("ca", "status");
  assert.match(
    status.out,
    /^trust domain cluster\.local: 2 certificates in use, 0 overdue, 0 revoked$/m,
  );
  assert.match(status.out, /^\d+ +root +signing +sealed +2 /m);
  const stepwise = RotationState.parse(
    await json("ca", "rotate", "--of", "intermediate", "--step"),
  );
  assert.deepEqual([stepwise.step, stepwise.isReady], ["signing", true]);
  const paused = await heddle("ca", "pause");
  assert.match(paused.out, /^signing \(paused\): 1 of 1 proxies/);
  const refused = await heddle("ca", "rotate", "--force");
  assert.deepEqual([refused.code, refused.out], [1, ""]);
  assert.match(refused.err, /the rotation is paused; resume it first/);
  assert.equal((await heddle("ca", "resume")).code, 0);
  const aborted = RotationState.parse(await json("ca", "abort"));
  assert.equal(aborted.step, "reverting");
  await waitFor("the old authority's return", SLOW_MS, async () => {
    const { rotation } = IdentityResponse.parse(await json("ca", "status"));
    return rotation === undefined;
  });
});

test("certificates and join tokens are listed and taken back from the command line", async (t) => {
  const { heddle, json } = await setUp(t);
  const { token } = TokenCreateResponse.parse(
    await json("token", "create", "-n", "shop", "--uses", "3"),
  );
  const id = token.split(".")[1] ?? "";
  const { tokens } = TokensResponse.parse(await json("token", "list"));
  assert.deepEqual(
    tokens.map(({ state, usesLeft }) => [state, usesLeft]),
    [
      ["usable", 3],
      ["spent", 0],
    ],
  );
  assert.match((await heddle("token", "list")).out, new RegExp(`^${id} +usable +3 of 3 `, "m"));
  assert.equal((await heddle("token", "revoke", id)).out, "revoked\n");
  const revoked = RevocationResponse.parse(
    await json("ca", "revoke", "--workload", "shop/reviews-v1", "--reason", "a drill"),
  );
  assert.deepEqual(revoked, { certificatesRevoked: 1, proxiesDisconnected: 0 });
  const used = tokens.find(({ state }) => state === "spent");
  const ended = TokenRevokeResponse.parse(
    await json("token", "revoke", used?.id ?? "", "--disconnect"),
  );
  assert.equal(ended.proxiesDisconnected, 1);
  const wrong = await heddle("ca", "revoke", "--reason", "nothing given");
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /give one of --serial, --proxy, --workload/);
  const rescue = await heddle("ca", "rescue");
  assert.equal(rescue.code, 1);
  assert.match(rescue.err, /the root is good until .*: rotate it instead/);
});
