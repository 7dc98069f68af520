import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import type { AuthorizationPolicy } from "@heddle/mesh";
import { deadlinesOf } from "../src/core/deadline-registry.ts";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  RawClient,
  rawApp,
  send,
  service,
  TestMesh,
} from "./data-path-kit.ts";
import { authorizationPolicy, obey, rateLimit } from "./support/policies.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
const sayOk: Handler = (_request, response) => response.end("ok");

/** `reviews` behind its sidecar, with callers `front` and `back` behind theirs. */
async function startReviews(t: TestContext, handler = sayOk) {
  const paths: (string | undefined)[] = [];
  const reviews = await app(t, (request, response) => {
    paths.push(request.url);
    handler(request, response);
  });
  const workload = await hosted("reviews", { appPort: reviews.port });
  const recorder = new MemoryRecorder();
  const listener = await inbound(t, workload, recorder);
  const names = { namespace: "shop", workload: "reviews", service: "reviews" };
  const identity = (await authority()).spiffeId(names);
  const callerOf = async (name: string) => {
    const mesh = new TestMesh();
    // What is sent on is to be judged where it arrives, not where it leaves.
    mesh.pathNormalization = "NONE";
    mesh.apply(service("reviews"), endpoints("reviews", [{ port: listener.port, identity }]));
    return (await outbound(t, await hosted(name), mesh, new MemoryRecorder())).port;
  };
  const ports = { front: await callerOf("front"), back: await callerOf("back") };
  return { workload, recorder, paths, ports: { ...ports, plaintext: listener.port } };
}

const fromFront = { from: [{ principals: ["cluster.local/ns/shop/sa/front"] }] };
const toAdmin = { to: [{ paths: ["/admin", "/admin/*"] }] };
const onlyGet = { to: [{ methods: ["GET"] }] };
const withKey = { when: [{ key: "request.headers[x-key]", values: ["open-sesame"] }] };
const shop = { from: [{ namespaces: ["shop"] }] };
const allow = (...rules: Parameters<typeof authorizationPolicy>[1]) =>
  authorizationPolicy("ALLOW", rules);
const deny = (...rules: Parameters<typeof authorizationPolicy>[1]) =>
  authorizationPolicy("DENY", rules);

type Caller = "front" | "back" | "plaintext";
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

test("of 60 requests at once exactly the limit's ten pass, and the answers say so", async (t) => {
  const { workload, recorder, ports, paths } = await startReviews(t);
  obey(workload, { rateLimits: [rateLimit()] });
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      send(index % 2 === 0 ? ports.front : ports.plaintext, { host: "reviews" }),
    ),
  );
  assert.equal(answers.filter(({ status }) => status === 200).length, 10);
  assert.equal(answers.filter(({ status }) => status === 429).length, 50);
  assert.equal(paths.length, 10);
  const remaining = answers
    .filter(({ status }) => status === 200)
    .map(({ headers }) => Number(headers["x-ratelimit-remaining"]));
  assert.deepEqual(
    remaining.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  const refused = answers.find(({ status }) => status === 429);
  assert.ok(refused);
  assert.equal(refused.headers["x-heddle-flags"], "RL");
  assert.equal(refused.headers["x-envoy-ratelimited"], "true");
  assert.equal(refused.headers["ratelimit-policy"], '"api";q=10;w=3600');
  assert.equal(refused.headers["ratelimit"], '"api";r=0;t=3600');
  assert.equal(refused.headers["x-ratelimit-limit"], '10, 10;w=3600;name="api"');
  assert.equal(refused.headers["retry-after"], "360");
  assert.match(
    refused.body.toString(),
    /^local_rate_limited\n[\s\S]*rule: RateLimit shop\/api, revision 3, limit "api"\nallowed: 10 in 3600000 ms, at most 10 at once\n/,
  );
  const { labels } = await recorder.find(({ labels }) => labels.responseCode === 429);
  assert.deepEqual([labels.responseFlags, labels.failedBy], ["RL", "inbound-proxy"]);
});

test("a push that leaves a limit as it is grants no new burst; one that changes it does", async (t) => {
  const { workload, ports } = await startReviews(t);
  const statuses = async (count: number) => {
    const answers = await Promise.all(
      Array.from({ length: count }, () => send(ports.plaintext, {})),
    );
    return answers.filter(({ status }) => status === 200).length;
  };
  obey(workload, { rateLimits: [rateLimit()] });
  assert.equal(await statuses(8), 8);
  const later = rateLimit({ rule: "RateLimit shop/api, revision 9" });
  obey(workload, { rateLimits: [later], authorization: [allow({})] });
  assert.equal(await statuses(8), 2);
  obey(workload, { rateLimits: [rateLimit({ burst: 3 })] });
  assert.equal(await statuses(8), 3);
});

test("a limit by caller counts each apart, and holds for what it matches alone", async (t) => {
  const { workload, ports } = await startReviews(t);
  const limit = rateLimit({
    requests: 1,
    burst: 1,
    key: { kind: "source-workload" },
    matches: [{ uri: { kind: "prefix", value: "/api" } }],
  });
  obey(workload, { rateLimits: [limit] });
  const statusOf = async (caller: Caller, path: string) =>
    (await send(ports[caller], { host: "reviews", path })).status;
  assert.deepEqual(
    [
      await statusOf("front", "/api"),
      await statusOf("front", "/api"),
      await statusOf("back", "/api/x"),
      await statusOf("plaintext", "/api"),
      await statusOf("plaintext", "/api"),
      await statusOf("plaintext", "/else"),
    ],
    [200, 429, 200, 200, 429, 200],
  );
});

test("a shadow limit is counted and not told", async (t) => {
  const { workload, ports, recorder } = await startReviews(t);
  obey(workload, { rateLimits: [rateLimit({ requests: 1, burst: 1, isShadow: true })] });
  for (let index = 0; index < 3; index++) {
    const answer = await send(ports.plaintext, {});
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["ratelimit"], undefined);
  }
  const of = (outcome: string) =>
    `heddle_rate_limit_total ${JSON.stringify({ workload: "shop/reviews", limit: "api", rule: "RateLimit shop/api", outcome, shadow: "true" })}`;
  assert.deepEqual(
    [recorder.events.get(of("allowed")), recorder.events.get(of("limited"))],
    [1, 2],
  );
});

test("a denied request takes nothing out of a limit", async (t) => {
  const { workload, ports } = await startReviews(t);
  const rateLimits = [rateLimit({ requests: 1, burst: 1 })];
  obey(workload, { rateLimits, authorization: [allow(fromFront)] });
  assert.equal((await send(ports.plaintext, {})).status, 403);
  assert.equal((await send(ports.front, { host: "reviews" })).status, 200);
});

for (const headers of [{ "x-envoy-expected-rq-timeout-ms": "150" }, { "grpc-timeout": "150m" }]) {
  const [name] = Object.keys(headers);
  test(`${name} bounds the app's work, which ends then, and the calls it makes`, async (t) => {
    let arrived: ((request: IncomingMessage) => void) | undefined;
    const asked = new Promise<IncomingMessage>((resolve) => {
      arrived = resolve;
    });
    const { workload, recorder, ports } = await startReviews(t, (request) => arrived?.(request));
    const answering = send(ports.plaintext, { headers });
    const request = await asked;
    const [, traceId = "", spanId = ""] = String(request.headers["traceparent"]).split("-");
    const untilMs = deadlinesOf(workload).find(traceId, spanId);
    assert.ok(untilMs !== undefined && untilMs - performance.now() <= 150);
    const closed = once(request.socket, "close");
    const answer = await answering;
    assert.equal(answer.status, 504);
    assert.equal(answer.headers["x-heddle-flags"], "UT");
    assert.match(answer.body.toString(), /within the 150 ms its caller waits/);
    await closed;
    await recorder.find(({ labels }) => labels.responseCode === 504);
    assert.ok(deadlinesOf(workload).isEmpty);
  });
}

test("a deadline that has passed already is answered without asking the app", async (t) => {
  const { ports, paths } = await startReviews(t);
  const answer = await send(ports.plaintext, { headers: { "grpc-timeout": "0m" } });
  assert.equal(answer.status, 504);
  assert.deepEqual(paths, []);
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

test("a gRPC call that is denied, or one too many, hears it in gRPC's own words", async (t) => {
  const { workload, ports } = await startReviews(t);
  const call = { host: "reviews", method: "POST", headers: { "content-type": "application/grpc" } };
  obey(workload, { authorization: [allow(onlyGet)] });
  const denied = await send(ports.plaintext, call);
  assert.deepEqual([denied.status, denied.headers["grpc-status"]], [200, "7"]);
  assert.match(String(denied.headers["grpc-message"]), /^RBAC: access denied/);
  obey(workload, { rateLimits: [rateLimit({ requests: 1, burst: 1 })] });
  await send(ports.plaintext, call);
  const limited = await send(ports.plaintext, call);
  assert.deepEqual([limited.status, limited.headers["grpc-status"]], [200, "14"]);
  assert.equal(limited.headers["x-envoy-ratelimited"], "true");
  assert.equal(limited.headers["retry-after"], "3600");
});

test("a caller that keeps silent until its connection counts as opaque brings no request past a limit", async (t) => {
  const seen: string[] = [];
  const taken = Promise.withResolvers<void>();
  const quiet = await rawApp(t, (socket) => {
    taken.resolve();
    socket.on("data", (bytes) => seen.push(String(bytes)));
  });
  const workload = await hosted("reviews", { appPort: quiet.port });
  const undeclared = { port: quiet.port, protocol: "auto" } as const;
  const listener = await inbound(t, workload, new MemoryRecorder(), undefined, { app: undeclared });
  obey(workload, { rateLimits: [rateLimit()] });
  const late = new RawClient(t, listener.port);
  await taken.promise; // the silence has made it opaque
  late.send("GET /admin HT");
  late.send("TP/1.1\r\nhost: reviews\r\n\r\n");
  assert.equal(await late.closed(), "");
  assert.deepEqual(seen, []);
});
