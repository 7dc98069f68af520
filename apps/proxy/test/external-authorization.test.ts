import assert from "node:assert/strict";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import type { AuthorizationPolicy, AuthorizationRule, ExternalAuthorizer } from "@heddle/mesh";
import {
  app,
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
import { authorizationPolicy, obey } from "./support/policies.ts";

type Asked = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};
type Decide = (asked: Asked, response: ServerResponse) => void;

const allowAll: Decide = (_asked, response) => response.end();

function custom(rules: Partial<AuthorizationRule>[] = [{}], provider = "ext"): AuthorizationPolicy {
  return { ...authorizationPolicy("CUSTOM", rules), provider };
}

async function read(request: IncomingMessage): Promise<Asked> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const { method = "", url = "", headers } = request;
  return { method, url, headers, body: Buffer.concat(parts).toString() };
}

async function start(
  t: TestContext,
  decide: Decide,
  rest: Partial<ExternalAuthorizer> = {},
  authorization: AuthorizationPolicy[] = [custom()],
) {
  const checks: Asked[] = [];
  const seen: Asked[] = [];
  const provider = await app(t, (request, response) => {
    void read(request).then((asked) => {
      checks.push(asked);
      decide(asked, response);
    });
  });
  const reviews = await app(t, (request, response) => {
    void read(request).then((asked) => {
      seen.push(asked);
      response.setHeader("x-app", "1").end("ok");
    });
  });
  const workload = await hosted("reviews", { appPort: reviews.port });
  const recorder = new MemoryRecorder();
  const listener = await inbound(t, workload, recorder);
  const { port } = listener;
  const authorizer: ExternalAuthorizer = {
    ...{ name: "ext", host: "127.0.0.1", port: provider.port, pathPrefix: "", timeoutMs: 5_000 },
    ...{ failsOpen: false, statusOnError: 403, requestHeaders: [], addedHeaders: {} },
    ...{ headersToUpstream: [], headersToDownstreamOnAllow: [], headersToDownstreamOnDeny: [] },
    ...rest,
  };
  const hold = (policies: AuthorizationPolicy[]) =>
    obey(workload, { authorization: policies, externalAuthorizers: [authorizer] });
  hold(authorization);
  return { checks, seen, port, listener, recorder, workload, hold, authorizer };
}

test("an authorizer sees method, path, host, authorization and what its rule lists, and nothing else", async (t) => {
  const { port, checks, seen } = await start(t, allowAll, {
    pathPrefix: "/check",
    requestHeaders: ["x-user", "x-auth-*"],
    addedHeaders: { "x-added": "by-heddle", "x-auth-b": "not yours" },
  });
  const headers = {
    ...{ authorization: "Bearer a", "x-user": "jo", "x-auth-a": "1", "x-auth-b": "2" },
    ...{ "x-secret": "s", cookie: "c=1" },
  };
  const answer = await send(port, { method: "PUT", path: "/a?b=c", host: "shop.example", headers });
  assert.equal(answer.status, 200);
  const [check] = checks;
  assert.deepEqual([check?.method, check?.url, check?.body], ["PUT", "/check/a?b=c", ""]);
  const { connection: _, ...shown } = check?.headers ?? {};
  assert.deepEqual(shown, {
    ...{ host: "shop.example", "content-length": "0", authorization: "Bearer a" },
    ...{ "x-user": "jo", "x-auth-a": "1", "x-added": "by-heddle", "x-auth-b": "not yours" },
  });
  assert.equal(seen[0]?.headers["x-secret"], "s");
});

test("a refusal is the authorizer's own: status, body and the headers its rule lists", async (t) => {
  const decide: Decide = (_asked, response) => {
    response.writeHead(302, {
      ...{ location: "https://login.example", "set-cookie": ["a=1", "b=2"], "x-other": "1" },
      "www-authenticate": "Bearer",
    });
    response.end("go and log in");
  };
  const { port, seen, recorder } = await start(t, decide, {
    headersToDownstreamOnDeny: ["set-cookie"],
  });
  recorder.samples = true;
  const answer = await send(port, {});
  assert.deepEqual([answer.status, answer.body.toString()], [302, "go and log in"]);
  const { location, "www-authenticate": challenge } = answer.headers;
  assert.deepEqual([location, challenge], ["https://login.example", "Bearer"]);
  assert.deepEqual(answer.headers["set-cookie"], ["a=1", "b=2"]);
  assert.equal(answer.headers["x-other"], undefined);
  assert.equal(answer.headers["x-heddle-flags"], "UAEX");
  assert.equal(seen.length, 0);
  const { labels } = await recorder.find(() => true);
  assert.equal(labels.responseFlags, "UAEX");
  assert.equal(recorder.spans[0]?.details, "ext_authz_denied");
  assert.equal(recorder.spans[0]?.denied?.rule, "shop/custom/0");
});

test("without a list all of a refusal's headers reach the caller", async (t) => {
  const { port } = await start(t, (_asked, response) => {
    response.writeHead(403, { "x-other": "1" }).end();
  });
  const answer = await send(port, {});
  assert.deepEqual([answer.status, answer.headers["x-other"]], [403, "1"]);
});

test("what an authorizer says of a caller takes the place of what it said itself", async (t) => {
  const decide: Decide = (_asked, response) => {
    response.setHeader("x-user", "jo").setHeader("x-hidden", "1").setHeader("x-told", "2").end();
  };
  const { port, seen } = await start(t, decide, {
    headersToUpstream: ["x-user"],
    headersToDownstreamOnAllow: ["x-told"],
  });
  const answer = await send(port, { headers: { "x-user": "root", "x-a": "1" } });
  assert.equal(seen[0]?.headers["x-user"], "jo");
  assert.deepEqual([seen[0]?.headers["x-hidden"], seen[0]?.headers["x-a"]], [undefined, "1"]);
  assert.deepEqual([answer.headers["x-told"], answer.headers["x-app"]], ["2", "1"]);
  assert.equal(answer.headers["x-hidden"], undefined);
});

test("a caller's Connection cannot keep from the app what an authorizer says of it", async (t) => {
  const decide: Decide = (_asked, response) => {
    response.setHeader("x-user", "jo").end();
  };
  const { port, seen } = await start(t, decide, { headersToUpstream: ["x-user"] });
  const headers = { "x-user": "root", "x-a": "1", connection: "X-User, x-a, keep-alive" };
  assert.equal((await send(port, { headers })).status, 200);
  assert.deepEqual([seen[0]?.headers["x-user"], seen[0]?.headers["x-a"]], ["jo", undefined]);
});

test("only requests that a CUSTOM rule takes in are shown, and DENY and ALLOW still hold", async (t) => {
  const admin = { to: [{ paths: ["/admin*"] }] };
  const { port, checks, hold } = await start(t, allowAll, {}, [custom([admin])]);
  assert.equal((await send(port, { path: "/" })).status, 200);
  assert.equal(checks.length, 0);
  assert.equal((await send(port, { path: "/admin" })).status, 200);
  assert.equal(checks.length, 1);
  const gets = { to: [{ methods: ["GET"] }] };
  hold([custom([admin]), authorizationPolicy("ALLOW", [gets])]);
  assert.equal((await send(port, { path: "/admin", method: "DELETE" })).status, 403);
  assert.equal(checks.length, 2);
  hold([custom([admin]), authorizationPolicy("DENY", [admin])]);
  assert.equal((await send(port, { path: "/admin" })).status, 403);
});

test("an authorizer that fails refuses with its rule's status, or lets pass where the rule says so", async (t) => {
  const fail: Decide = (_asked, response) => response.writeHead(500).end("no");
  const closed = await start(t, fail, { statusOnError: 503 });
  const answer = await send(closed.port, {});
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "UAEX"]);
  assert.match(answer.body.toString(), /the extension provider ext could not decide/);
  assert.match(answer.body.toString(), /policy: shop\/custom, rule 0/);
  const open = await start(t, fail, { failsOpen: true });
  assert.equal((await send(open.port, {})).status, 200);
  const outcomes = [...open.recorder.events].filter(([key]) => key.includes("external"));
  assert.match(outcomes[0]?.[0] ?? "", /"outcome":"failed"/);
});

test("an authorizer that does not answer, or is not there, is waited for no longer than its rule says", async (t) => {
  const { port } = await start(t, () => {}, { timeoutMs: 100 });
  assert.equal((await send(port, {})).status, 403);
  const gone = await start(t, allowAll, { port: 1, statusOnError: 502 });
  assert.equal((await send(gone.port, {})).status, 502);
});

test("a body is shown up to its bound, and reaches the app whole", async (t) => {
  const body = { maxBytes: 10, allowsPartial: true };
  const { port, checks, seen, authorizer, workload } = await start(t, allowAll, { body });
  const post = (text: string) => send(port, { method: "POST", body: text });
  assert.equal((await post("0123456789")).status, 200);
  assert.equal((await post("0123456789abc")).status, 200);
  assert.deepEqual(
    checks.map((check) => [check.body, check.headers["x-envoy-auth-partial-body"]]),
    [
      ["0123456789", "false"],
      ["0123456789", "true"],
    ],
  );
  assert.deepEqual(
    seen.map((one) => one.body),
    ["0123456789", "0123456789abc"],
  );
  const whole = { ...authorizer, body: { maxBytes: 10, allowsPartial: false } };
  obey(workload, { authorization: [custom()], externalAuthorizers: [whole] });
  assert.equal((await post("0123456789")).status, 200);
  assert.equal((await post("0123456789abc")).status, 413);
  assert.equal(checks.length, 3);
});

test("a body that comes slowly, and one that waits for 100, are shown whole", async (t) => {
  const body = { maxBytes: 1_000, allowsPartial: false };
  const { port, checks, seen } = await start(t, allowAll, { body });
  const client = new RawClient(t, port);
  client.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 6\r\n\r\n");
  await client.expect(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
  client.send("abc");
  client.send("def");
  await client.expect(/ok$/);
  assert.deepEqual([checks[0]?.body, seen[0]?.body], ["abcdef", "abcdef"]);
});

test("a caller that leaves takes its check along", async (t) => {
  const accepted = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const provider = await rawApp(t, (socket) => {
    socket.resume().once("close", () => closed.resolve());
    accepted.resolve();
  });
  const { port } = await start(t, allowAll, { port: provider.port });
  const client = new RawClient(t, port);
  client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await accepted.promise;
  client.socket.destroy();
  await closed.promise;
});

test("a check under way when the workload leaves is answered", async (t) => {
  const asked = Promise.withResolvers<ServerResponse>();
  const { port, listener } = await start(t, (_asked, response) => asked.resolve(response));
  const answer = send(port, {});
  const response = await asked.promise;
  const drained = listener.drain(5_000);
  response.end();
  assert.equal((await answer).status, 200);
  await drained;
});

test("a provider nobody knows, or two of them, deny everything", async (t) => {
  const { port, hold, seen, checks } = await start(t, allowAll, {}, [custom([{}], "other")]);
  const answer = await send(port, {});
  assert.equal(answer.status, 403);
  assert.match(answer.body.toString(), /no extension provider "other"/);
  hold([custom(), custom([{ to: [{ paths: ["/x"] }] }], "other")]);
  assert.match((await send(port, {})).body.toString(), /several providers \(ext, other\)/);
  assert.deepEqual([seen.length, checks.length], [0, 0]);
});

test("a CUSTOM policy in shadow mode is counted and asks nobody", async (t) => {
  const { port, hold, checks, recorder } = await start(t, allowAll);
  hold([{ ...custom(), isShadow: true }]);
  assert.equal((await send(port, {})).status, 200);
  assert.equal(checks.length, 0);
  const keys = [...recorder.events.keys()].filter((key) => key.includes("authorization"));
  assert.match(keys.join(), /"action":"custom","shadow":"true"/);
});

test("the authorizer is asked before a token is looked at", async (t) => {
  const { workload, port, checks, authorizer } = await start(t, allowAll);
  const rule = {
    ...{ issuer: "i", audiences: [], fromHeaders: [], fromParams: [], fromCookies: [] },
    ...{ forwardsToken: false, claimHeaders: [], spaceDelimitedClaims: [], isRequired: true },
  };
  obey(workload, {
    authorization: [custom()],
    externalAuthorizers: [authorizer],
    requestAuthentication: [{ namespace: "shop", name: "logins", rules: [rule] }],
  });
  assert.equal((await send(port, {})).status, 401);
  assert.equal(checks.length, 1);
});

test("connections to an authorizer are kept, and one that has closed in between is no failure", async (t) => {
  const sockets = new Set<unknown>();
  const provider = await app(t, (request, response) => {
    sockets.add(request.socket);
    // The second check finds this connection closed under it.
    if (sockets.size === 1) response.once("finish", () => request.socket.resetAndDestroy());
    response.end();
  });
  const { port } = await start(t, allowAll, { port: provider.port });
  for (let n = 0; n < 5; n++) assert.equal((await send(port, {})).status, 200, `request ${n}`);
  assert.ok(sockets.size <= 3, `${sockets.size} connections`);
});

test("an authorizer of the mesh is reached by the workload's own outbound port, with mTLS", async (t) => {
  const checks: Asked[] = [];
  const provider = await app(t, (request, response) => {
    void read(request).then((asked) => {
      checks.push(asked);
      response.setHeader("x-user", "jo").end();
    });
  });
  const authorizerWorkload = await hosted("ext-authz", { appPort: provider.port });
  const inboundRecorder = new MemoryRecorder();
  const listener = await inbound(t, authorizerWorkload, inboundRecorder);
  const identity = authorizerWorkload.identity.spiffeId;
  const mesh = new TestMesh();
  mesh.apply(
    service("ext-authz"),
    endpoints("ext-authz", [{ port: listener.port, ...(identity && { identity }) }]),
  );
  const { port, workload, seen } = await start(t, allowAll, {
    ...{ host: "ext-authz.shop.svc.cluster.local", port: 8000, headersToUpstream: ["x-user"] },
  });
  const out = await outbound(t, workload, mesh, new MemoryRecorder());
  Object.assign(workload, { outboundPort: out.port });
  const answer = await send(port, { host: "reviews.shop", path: "/a" });
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(seen[0]?.headers["x-user"], "jo");
  assert.deepEqual(
    [checks[0]?.url, checks[0]?.headers["x-forwarded-host"]],
    ["/a", "reviews.shop"],
  );
  assert.match(String(checks[0]?.headers["x-forwarded-client-cert"]), /sa\/reviews/);
});
