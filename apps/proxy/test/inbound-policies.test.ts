import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import type { AuthorizationPolicy } from "@heddle/mesh";
import {
  authority,
  hosted,
  inbound,
  MemoryRecorder,
  RawClient,
  rawApp,
  send,
} from "./data-path-kit.ts";
import {
  allow,
  type Caller,
  deny,
  fromFront,
  onlyGet,
  startReviews,
} from "./support/guarded-reviews.ts";
import { authorizationPolicy, obey } from "./support/policies.ts";

const toAdmin = { to: [{ paths: ["/admin", "/admin/*"] }] };
const withKey = { when: [{ key: "request.headers[x-key]", values: ["open-sesame"] }] };
const shop = { from: [{ namespaces: ["shop"] }] };

type Asked = { method?: string; path?: string; headers?: Record<string, string> };
const table: [title: string, AuthorizationPolicy[], Caller, Asked, status: number][] = [
  ["ALLOW by principal, from it", [allow(fromFront)], "front", {}, 200],
  ["ALLOW by principal, from another", [allow(fromFront)], "back", {}, 403],
  ["ALLOW by principal, from plaintext", [allow(fromFront)], "plaintext", {}, 403],
  ["ALLOW by namespace", [allow(shop)], "back", {}, 200],
  ["ALLOW by namespace, from plaintext", [allow(shop)], "plaintext", {}, 403],
  ["ALLOW by method", [allow(onlyGet)], "front", { method: "DELETE" }, 403],
  [
    "ALLOW by header, with it",
    [allow(withKey)],
    "back",
    { headers: { "x-key": "open-sesame" } },
    200,
  ],
  ["ALLOW by header, without it", [allow(withKey)], "back", {}, 403],
  ["ALLOW of an address", [allow({ from: [{ ipBlocks: ["127.0.0.0/8"] }] })], "plaintext", {}, 200],
  ["ALLOW without rules", [allow()], "front", {}, 403],
  ["DENY of a path", [deny(toAdmin)], "front", { path: "/admin/x" }, 403],
  ["DENY of another path", [deny(toAdmin)], "front", { path: "/administrator" }, 200],
  ["DENY of a path, with a query", [deny(toAdmin)], "front", { path: "/admin?x=1" }, 403],
  ["DENY of a path, with dot segments", [deny(toAdmin)], "front", { path: "/x/../admin" }, 403],
  ["DENY of a path, with escapes", [deny(toAdmin)], "front", { path: "/%61dmin" }, 403],
  ["DENY of a path, with a backslash", [deny(toAdmin)], "front", { path: "/x\\..\\admin" }, 403],
  ["DENY before ALLOW", [allow(fromFront), deny(fromFront)], "front", {}, 403],
  ["AUDIT alone", [authorizationPolicy("AUDIT", [{}])], "front", {}, 200],
  [
    "DENY of all but an identity",
    [deny({ from: [{ notPrincipals: ["*"] }] })],
    "plaintext",
    {},
    403,
  ],
  ["DENY by the app's port", [deny({ to: [{ ports: ["1"] }] })], "front", {}, 200],
];
for (const [title, policies, caller, asked, status] of table) {
  test(`${title}, asked by ${caller}: ${status}`, async (t) => {
    const { workload, ports, paths } = await startReviews(t);
    obey(workload, { authorization: policies });
    const answer = await send(ports[caller], { host: "reviews", ...asked });
    assert.equal(answer.status, status, answer.body.toString());
    assert.equal(paths.length, status === 200 ? 1 : 0);
  });
}

test("a refusal names policy, rule and field, and nothing the rule asks for", async (t) => {
  const { workload, ports, recorder } = await startReviews(t);
  recorder.samples = true;
  obey(workload, { authorization: [allow(fromFront, { ...shop, ...withKey })] });
  const answer = await send(ports.back, { host: "reviews", headers: { "x-key": "wrong" } });
  assert.equal(answer.headers["x-heddle-origin"], "inbound-proxy; workload=shop/reviews");
  assert.deepEqual(answer.body.toString().trim().split("\n").slice(0, -1), [
    "RBAC: access denied",
    "inbound-proxy; workload=shop/reviews: an AuthorizationPolicy refuses it",
    "service: shop/reviews",
    "caller: spiffe://cluster.local/ns/shop/sa/back",
    "policy: none of 2 ALLOW rules allows it",
    "rule: shop/allow, rule 0: from[0].source.principals does not take spiffe://cluster.local/ns/shop/sa/back",
    "rule: shop/allow, rule 1: when[0].request.headers[x-key] does not take another value",
    "details: rbac_access_denied_matched_policy[none]",
  ]);
  assert.doesNotMatch(answer.body.toString(), /sesame|sa\/front/);
  const { labels } = await recorder.find(() => true);
  assert.deepEqual([labels.responseCode, labels.failedBy], [403, "inbound-proxy"]);
  obey(workload, { authorization: [deny(onlyGet)] });
  const denied = (await send(ports.plaintext, {})).body.toString();
  assert.match(denied, /policy: shop\/deny, rule 0, denies it/);
  const details = "rbac_access_denied_matched_policy[ns[shop]-policy[deny]-rule[0]]";
  assert.ok(denied.includes(`details: ${details}\n`));
  assert.equal(recorder.spans.at(-1)?.details, details);
});

test("what is shadow or audit is counted and lets everything pass", async (t) => {
  const { workload, ports, recorder } = await startReviews(t);
  const shadow = authorizationPolicy("DENY", [fromFront], true);
  obey(workload, { authorization: [shadow, authorizationPolicy("AUDIT", [{}])] });
  await send(ports.front, { host: "reviews" });
  await send(ports.back, { host: "reviews" });
  const counted = [...recorder.events].filter(([key]) => key.startsWith("heddle_authorization"));
  const of = (policy: string, rule: string, action: string, isShadow: boolean) =>
    `heddle_authorization_total ${JSON.stringify({ workload: "shop/reviews", policy, rule, action, shadow: String(isShadow) })}`;
  assert.deepEqual(Object.fromEntries(counted), {
    [of("shop/deny", "0", "deny", true)]: 1,
    [of("none", "none", "allow", true)]: 1,
    [of("shop/audit", "0", "audit", false)]: 2,
    [of("none", "none", "allow", false)]: 2,
  });
});

test("a new policy holds from the next request on, on connections that are open too", async (t) => {
  const { workload, ports } = await startReviews(t);
  const client = new RawClient(t, ports.plaintext);
  const request = "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n";
  client.send(request);
  await client.expect(/ 200 OK/);
  obey(workload, { authorization: [allow(fromFront)] });
  client.send(request);
  await client.expect(/ 403 Forbidden/);
});

test("what is matched is what the app gets, in the mesh's form", async (t) => {
  const { workload, ports, paths } = await startReviews(t);
  for (const path of ["/a/%2e%2e/b?q=%41/../x", "//a//b", "/a%2Fb", "/a%00b"]) {
    await send(ports.plaintext, { path });
  }
  obey(workload, { pathNormalization: "BASE" });
  await send(ports.plaintext, { path: "//a//b" });
  obey(workload, { pathNormalization: "DECODE_AND_MERGE_SLASHES" });
  await send(ports.plaintext, { path: "/a%2Fb" });
  obey(workload, { pathNormalization: "NONE" });
  await send(ports.plaintext, { path: "/a/../b" });
  assert.deepEqual(paths, ["/b?q=%41/../x", "/a/b", "/a%2Fb", "//a//b", "/a/b", "/a/../b"]);
});

test("two slashes do not slip past a policy for one, unless the mesh wants it so", async (t) => {
  const { workload, ports } = await startReviews(t);
  obey(workload, { authorization: [deny(toAdmin)] });
  for (const path of ["/admin", "//admin", "/./admin", "/x/../admin", "/%61dmin"]) {
    assert.equal((await send(ports.plaintext, { path })).status, 403, path);
  }
});

test("a path that holds %00 is refused", async (t) => {
  const { ports, paths } = await startReviews(t);
  const answer = await send(ports.plaintext, { path: "/a%00b" });
  assert.equal(answer.status, 400);
  assert.match(answer.body.toString(), /%00/);
  assert.deepEqual(paths, []);
});

test("x-forwarded-for tells the client only where proxies in front are trusted", async (t) => {
  const { workload, ports } = await startReviews(t);
  const rule = { from: [{ remoteIpBlocks: ["203.0.113.0/24"] }] };
  const headers = { "x-forwarded-for": "203.0.113.9, 10.0.0.1" };
  obey(workload, { authorization: [allow(rule)] });
  assert.equal((await send(ports.plaintext, { headers })).status, 403);
  obey(workload, { authorization: [allow(rule)], trustedProxyCount: 2 });
  assert.equal((await send(ports.plaintext, { headers })).status, 200);
  const forged = { "x-forwarded-for": "203.0.113.9, 198.51.100.1, 10.0.0.1" };
  assert.equal((await send(ports.plaintext, { headers: forged })).status, 403);
});

async function startTcp(t: TestContext) {
  const db = await rawApp(t, (socket) => socket.pipe(socket));
  const workload = await hosted("db", { appPort: db.port });
  const recorder = new MemoryRecorder();
  const declared = { app: { port: db.port, protocol: "tcp" as const } };
  const listener = await inbound(t, workload, recorder, undefined, declared);
  return { workload, recorder, port: listener.port, sockets: db.sockets };
}

test("a TCP connection that is not allowed is closed before the app hears of it", async (t) => {
  const { workload, recorder, port, sockets } = await startTcp(t);
  obey(workload, { authorization: [allow(fromFront)] });
  const refused = new RawClient(t, port);
  refused.send("hello");
  assert.equal(await refused.closed(), "");
  assert.equal(sockets.size, 0);
  const { labels } = await recorder.findTcp(({ closed }) => closed === 1);
  assert.equal(labels.failedBy, "inbound-proxy");
  const ca = await authority();
  const names = { namespace: "shop", workload: "front", service: "front" };
  const { keyPem, chainPem } = await ca.issueWorkload(names);
  const socket = tls.connect({
    port,
    host: "127.0.0.1",
    key: keyPem,
    cert: chainPem,
    ca: ca.trustBundlePem,
    ALPNProtocols: ["istio"],
    checkServerIdentity: () => undefined,
  });
  t.after(() => socket.destroy());
  socket.write("hello");
  assert.equal(String((await once(socket, "data"))[0]), "hello");
});

test("a DENY rule of HTTP fields alone denies all TCP, as in Istio", async (t) => {
  const { workload, port } = await startTcp(t);
  obey(workload, { authorization: [deny(toAdmin)] });
  const client = new RawClient(t, port);
  client.send("hello");
  assert.equal(await client.closed(), "");
});
test("portLevelMtls makes one port strict, whatever the workload's mode", async (t) => {
  const { workload, recorder, ports, paths } = await startReviews(t);
  obey(workload, { portMtlsModes: { [workload.appPort ?? 0]: "STRICT" } });
  const client = new RawClient(t, ports.plaintext);
  client.send("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  assert.equal(await client.closed(), "");
  assert.equal(recorder.refusals.length, 1);
  assert.equal((await send(ports.front, { host: "reviews" })).status, 200);
  workload.mtlsMode = "STRICT";
  obey(workload, { portMtlsModes: { [workload.appPort ?? 0]: "PERMISSIVE" } });
  assert.equal((await send(ports.plaintext, {})).status, 200);
  assert.equal(paths.length, 2);
});
