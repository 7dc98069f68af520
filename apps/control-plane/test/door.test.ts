import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  ApiTokenCreateResponse,
  ApplyResponse,
  AuditResponse,
  LoginResponse,
  MeResponse,
  Problem,
  SessionsResponse,
  SetupLinkResponse,
  UsersResponse,
} from "@heddle/contracts";
import { openConfigDb } from "@heddle/store";
import { startDatabase } from "@heddle/testkit";
import { doorOf, PASSWORD } from "./door-client.ts";
import { runControlPlane } from "./running-control-plane.ts";
import { subsets } from "./shop-documents.ts";

const operatorOnShop = [{ namespace: "shop", role: "operator" }];

test("a new user sets a password by a link that works once, and logs in with it", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const door = doorOf(plane);
  const made = await plane.call<SetupLinkResponse>("POST", "/users", {
    name: "ada",
    grants: operatorOnShop,
  });
  assert.equal(made.status, 200);
  const { setupToken: token } = made.body;
  const checked = await door.ask<{ name: string }>(undefined, "POST", "/setup/check", { token });
  assert.equal(checked.body.name, "ada");
  const weak = await door.ask(undefined, "POST", "/setup", { token, password: "my name is Ada!" });
  assert.deepEqual([weak.status, weak.body.errors?.[0]?.field], [400, "password"]);
  const short = await door.ask(undefined, "POST", "/setup", { token, password: "short" });
  assert.match(short.body.detail, /at least 12/);
  const set = () =>
    door.ask<LoginResponse>(undefined, "POST", "/setup", { token, password: PASSWORD });
  const answers = await Promise.all([set(), set()]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401]);
  const login = (name: string, password: string) =>
    door.ask<LoginResponse & Problem>(undefined, "POST", "/login/password", { name, password });
  const right = await login(" Ada ", PASSWORD);
  assert.equal(right.status, 200);
  const me = await door.ask<MeResponse>(right.body.sessionToken, "GET", "/me");
  assert.deepEqual(
    [me.body.name, me.body.grants, me.body.via, me.body.hasPassword],
    ["ada", operatorOnShop, "session", true],
  );
  const refusals = [await login("ada", "wrong horse battery"), await login("nobody", PASSWORD)];
  assert.deepEqual(
    refusals.map(({ status }) => status),
    [401, 401],
  );
  assert.equal(refusals[0]?.body.detail, refusals[1]?.body.detail);
});

test("grants hold by namespace, and a refusal says which is missing", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const door = doorOf(plane);
  const ada = await door.addUser("ada", operatorOnShop);
  const apply = (yaml: string) =>
    door.ask<ApplyResponse & Problem>(ada, "POST", "/apply", { yaml });
  const inBank = subsets("reviews", "v1").replaceAll("shop", "bank");
  const meshWide =
    "apiVersion: heddle.dev/v1\nkind: MeshConfig\nmetadata: {name: mesh, namespace: shop}\nspec: {}\n";
  const inRoot = subsets("reviews", "v1").replaceAll("namespace: shop", "namespace: istio-system");
  assert.equal((await apply(subsets("reviews", "v1"))).status, 200);
  for (const yaml of [inBank, inRoot, `${subsets("ratings", "v1")}\n---\n${inBank}`, meshWide]) {
    const { status, body } = await apply(yaml);
    assert.equal(status, 403, yaml);
    assert.match(body.detail, /Ask an admin for operator on (bank|the whole mesh)/);
  }
  assert.equal((await door.ask(ada, "GET", "/workloads")).status, 200);
  const deleteInBank = await door.ask(ada, "DELETE", "/resources/DestinationRule/bank/reviews");
  assert.match(deleteInBank.body.detail, /ada can see bank but not change it/);
  for (const path of ["/mtls", "/mtls/bank", "/mtls/bank/a"]) {
    assert.equal((await door.ask(ada, "PUT", path, { mode: "STRICT" })).status, 403, path);
  }
  assert.equal((await door.ask(ada, "GET", "/users")).status, 403);
  assert.equal((await door.ask(ada, "POST", "/tokens", { namespace: "shop" })).status, 403);
  await plane.apply(inBank, {});
  const back = await door.ask(ada, "POST", "/revisions/1/restore", {});
  assert.equal(back.status, 403, "a restore changes bank, too");
});

test("a change of grants holds at once for who is logged in, and ends with the user", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const door = doorOf(plane);
  const ada = await door.addUser("ada", [{ namespace: "*", role: "viewer" }]);
  const apply = async () =>
    (await door.ask(ada, "POST", "/apply", { yaml: subsets("reviews", "v1") })).status;
  assert.equal(await apply(), 403);
  await plane.call("PUT", "/users/ada", { grants: operatorOnShop });
  assert.equal(await apply(), 200);
  await plane.call("PUT", "/users/ada", { grants: [] });
  const without = await door.ask(ada, "GET", "/workloads");
  assert.deepEqual([without.status, without.body.detail.includes("no role yet")], [403, true]);
  assert.equal((await door.ask(ada, "GET", "/me")).status, 200);
  await plane.call("PUT", "/users/ada", { isDisabled: true });
  assert.equal((await door.ask(ada, "GET", "/me")).status, 401);
  const login = { name: "ada", password: PASSWORD };
  assert.equal((await door.ask(undefined, "POST", "/login/password", login)).status, 401);
});

test("a session ends by logout here or everywhere, and so does what it listens to", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const door = doorOf(plane);
  const [one, other] = [await door.adminSession(), await door.adminSession()];
  const events = await fetch(`http://127.0.0.1:${plane.adminPort}/api/v1/events`, {
    headers: { authorization: `Bearer ${other}` },
    signal: AbortSignal.timeout(20_000),
  });
  const { body } = await door.ask<SessionsResponse>(one, "GET", "/sessions");
  assert.deepEqual(body.sessions.map(({ isCurrent }) => isCurrent).sort(), [false, true]);
  assert.equal(body.sessions[0]?.address, "192.0.2.7");
  await door.ask(one, "POST", "/logout", {});
  assert.equal((await door.ask(one, "GET", "/me")).status, 401);
  assert.equal((await door.ask(other, "GET", "/me")).status, 200);
  const everywhere = await door.ask<{ ended: number }>(other, "POST", "/logout", {
    everywhere: true,
  });
  assert.equal(everywhere.body.ended, 1);
  assert.equal((await door.ask(other, "GET", "/me")).status, 401);
  await events.text(); // ends, instead of going on for ever
});

test("an API token reaches no further than its owner, is shown once and ends when revoked", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const door = doorOf(plane);
  const ada = await door.addUser("ada", operatorOnShop);
  const create = (grants: object[], token = ada) =>
    door.ask<ApiTokenCreateResponse & Problem>(token, "POST", "/api-tokens", {
      name: "ci",
      grants,
    });
  const tooMuch = await create([{ namespace: "shop", role: "admin" }]);
  assert.deepEqual([tooMuch.status, tooMuch.body.code], [403, "HEDDLE_FORBIDDEN"]);
  const made = await create(operatorOnShop);
  const { secret } = made.body;
  assert.match(secret, /^hdt_[\w-]{22}\.[\w-]{43}$/);
  const listed = await door.ask(ada, "GET", "/api-tokens");
  assert.ok(!JSON.stringify(listed.body).includes(secret.split(".")[1] ?? ""));
  const apply = async () =>
    (await door.ask(secret, "POST", "/apply", { yaml: subsets("reviews", "v1") })).status;
  assert.equal(await apply(), 200);
  assert.equal((await create(operatorOnShop, secret)).status, 409, "a token makes no tokens");
  await plane.call("PUT", "/users/ada", { grants: [{ namespace: "shop", role: "viewer" }] });
  assert.equal(await apply(), 403);
  assert.equal((await door.ask(`${secret.slice(0, -1)}_`, "GET", "/me")).status, 401);
  await door.ask(ada, "DELETE", `/api-tokens/${made.body.token.id}`);
  assert.equal(await apply(), 401);
});

test("who guesses is slowed down, and nobody else", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const door = doorOf(plane);
  await door.addUser("ada", operatorOnShop);
  const guess = (address: string, password: string) =>
    door.askFrom(address, undefined, "POST", "/login/password", { name: "ada", password });
  // However slowly they come: from the sixth on each has to wait twice as long as the one before.
  let slowed = await guess("203.0.113.5", "guess");
  for (let made = 1; slowed.status !== 429; made++) {
    assert.deepEqual([slowed.status, made < 20], [401, true]);
    slowed = await guess("203.0.113.5", "guess");
  }
  assert.match(slowed.retryAfter ?? "", /^\d+$/);
  assert.equal((await guess("198.51.100.9", PASSWORD)).status, 200);
});

test("every act is in the audit log with who, what, from where and what came of it", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const door = doorOf(plane);
  const mara = await door.addUser("mara", operatorOnShop);
  await door.ask(mara, "POST", "/apply", { yaml: subsets("reviews", "v1") });
  await door.ask(mara, "POST", "/apply", { yaml: subsets("ratings", "v1"), dryRun: true });
  await door.ask(mara, "DELETE", "/resources/DestinationRule/bank/reviews");
  const login = { name: "mara", password: "a wrong guess" };
  await door.ask(undefined, "POST", "/login/password", login);
  const admin = await door.adminSession();
  const { body } = await door.ask<AuditResponse>(admin, "GET", "/audit?actor=mara");
  assert.deepEqual(
    body.entries.map(({ act, target, result, via, revision }) => [
      act,
      target,
      result,
      via,
      revision,
    ]),
    [
      ["login", "password", "refused", "none", undefined],
      ["delete", "DestinationRule/bank/reviews", "refused", "session", undefined],
      ["apply", "DestinationRule shop/reviews", "ok", "session", 1],
      ["setup", "setup link", "ok", "none", undefined],
    ],
  );
  assert.deepEqual(
    [body.entries[0]?.reason, body.entries[0]?.address, body.entries[0]?.agent],
    ["wrong password", "192.0.2.7", "door-test"],
  );
  const page = await door.ask<AuditResponse>(admin, "GET", "/audit?limit=2");
  assert.deepEqual([page.body.entries.length, page.body.nextBefore !== undefined], [2, true]);
  const own = await door.ask<AuditResponse>(mara, "GET", "/audit?result=refused");
  assert.deepEqual(new Set(own.body.entries.map(({ actor }) => actor)), new Set(["mara"]));
  assert.equal((await door.ask(mara, "GET", "/audit?actor=admin")).status, 403);
  const all = await door.ask<AuditResponse>(admin, "GET", "/audit?limit=500");
  const text = JSON.stringify(all.body);
  for (const secret of [PASSWORD, "a wrong guess", mara, admin]) assert.ok(!text.includes(secret));
});

test("an entry of the audit log is not changed, and not deleted within a day", async (t) => {
  const { url } = await startDatabase(t);
  const plane = await runControlPlane(t, url);
  await doorOf(plane).adminSession();
  const db = openConfigDb(url, () => {});
  t.after(() => db.close());
  for (const sql of [
    "UPDATE audit_entry SET actor = 'nobody'",
    "DELETE FROM audit_entry",
    "TRUNCATE audit_entry",
  ]) {
    await assert.rejects(db.prisma.$executeRawUnsafe(sql), /audit entries are not changed/, sql);
  }
});

test("a session that nobody uses ends by itself", async (t) => {
  const access = {
    sessions: { idleMs: 1200, maxMs: 60_000 },
    auditRetentionDays: 30,
    oidc: undefined,
  };
  const plane = await runControlPlane(t, (await startDatabase(t)).url, { access });
  const door = doorOf(plane);
  await door.addUser("ada", operatorOnShop);
  const deadlineMs = Date.now() + 30_000;
  for (let sessions = 1; sessions > 0; ) {
    assert.ok(Date.now() < deadlineMs, "the session goes on for ever");
    const { body } = await plane.call<UsersResponse>("GET", "/users");
    sessions = body.users[0]?.sessions ?? 0;
  }
});
