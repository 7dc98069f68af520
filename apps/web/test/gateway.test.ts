import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import type { GatewayConfig } from "../lib/gateway/config.ts";
import { forward } from "../lib/gateway/forward.ts";
import { login, logout } from "../lib/gateway/login.ts";
import { finishOidc, startOidc } from "../lib/gateway/oidc.ts";
import { serveOpenApi } from "../lib/gateway/openapi.ts";
import { refuseMethod } from "../lib/gateway/problem-response.ts";

const CONSOLE = "http://127.0.0.1:20001";
type Answer = (request: http.IncomingMessage, response: http.ServerResponse, body: Buffer) => void;

let answer: Answer;
const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("error", () => response.destroy()); // a client that gave up in the middle of its body
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => answer(request, response, Buffer.concat(chunks)));
});
let config: GatewayConfig;

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  config = { controlPlaneUrls: [url], collectorUrl: url, trustedProxies: 0 };
});
after(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  answer = (_request, response) => response.end("{}");
});

const own = { host: "127.0.0.1:20001", origin: CONSOLE, "sec-fetch-site": "same-origin" };

function ask(path: string, init: RequestInit & { duplex?: "half" } = {}): Request {
  return new Request(CONSOLE + path, init);
}

test("passes path, query and body on and turns the cookie into a bearer token", async () => {
  const seen: unknown[] = [];
  answer = (request, response, body) => {
    const { method, url, headers } = request;
    seen.push({ method, url, authorization: headers.authorization, cookie: headers.cookie });
    seen.push(JSON.parse(body.toString()));
    response.writeHead(200, {
      "content-type": "application/json",
      "set-cookie": "a=b",
      server: "x",
    });
    response.end('{"revision":3}');
  };
  const request = ask("/api/v1/canaries/shop/a%2Fb/weight?x=%20y", {
    method: "POST",
    headers: { ...own, cookie: "heddle-session=s.e.s", "content-type": "application/json" },
    body: JSON.stringify({ canaryPercent: 25 }),
  });
  const response = await forward(request, config);
  assert.deepEqual(seen, [
    {
      method: "POST",
      url: "/api/v1/canaries/shop/a%2Fb/weight?x=%20y",
      authorization: "Bearer s.e.s",
      cookie: undefined,
    },
    { canaryPercent: 25 },
  ]);
  assert.deepEqual(await response.json(), { revision: 3 });
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("set-cookie"), null);
  assert.equal(response.headers.get("server"), null);
});

test("leaves a caller's own bearer token alone and asks it for no origin", async () => {
  answer = (request, response) => response.end(JSON.stringify(request.headers.authorization));
  const headers = { authorization: "Bearer api", cookie: "heddle-session=s" };
  const response = await forward(ask("/api/v1/apply", { method: "POST", headers }), config);
  assert.equal(await response.json(), "Bearer api");
});

test("refuses a change that another site's page sends with our cookie", async () => {
  answer = () => assert.fail("the request must not arrive");
  const headers = { ...own, origin: "https://evil.example", "sec-fetch-site": "cross-site" };
  const response = await forward(
    ask("/api/v1/canaries/shop/payments/rollback", { method: "POST", headers }),
    config,
  );
  assert.equal(response.status, 403);
  assert.equal(((await response.json()) as { code: string }).code, "HEDDLE_CROSS_SITE_REQUEST");
});

test("refuses a body over the limit, declared or not", async () => {
  answer = (_request, response) => response.end("{}");
  const declared = ask("/api/v1/apply", {
    method: "POST",
    headers: { ...own, "content-length": "3000000" },
  });
  assert.equal((await forward(declared, config)).status, 413);
  const chunk = new Uint8Array(1_000_000);
  const body = new ReadableStream({
    start(controller) {
      for (let sent = 0; sent < 3; sent += 1) controller.enqueue(chunk);
      controller.close();
    },
  });
  const streamed = ask("/api/v1/apply", { method: "POST", headers: own, body, duplex: "half" });
  const response = await forward(streamed, config);
  assert.equal(response.status, 413);
  assert.match(await response.text(), /HEDDLE_BODY_TOO_LARGE/);
});

test("hands on each event as it comes, and lets go upstream when the browser leaves", async () => {
  const left = Promise.withResolvers<void>();
  const next = Promise.withResolvers<void>();
  answer = (request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("event: change\ndata: 1\n\n");
    void next.promise.then(() => response.write("event: change\ndata: 2\n\n"));
    request.on("close", left.resolve);
  };
  const browser = new AbortController();
  const response = await forward(ask("/api/v1/events", { signal: browser.signal }), config);
  assert.equal(response.headers.get("cache-control"), "no-cache, no-transform");
  assert.ok(response.body);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  assert.match(decoder.decode((await reader.read()).value), /data: 1/);
  next.resolve();
  assert.match(decoder.decode((await reader.read()).value), /data: 2/);
  browser.abort();
  await assert.rejects(reader.read());
  await left.promise;
});

test("says in a sentence which server does not answer", async () => {
  const dead = new URL("http://127.0.0.1:1");
  const nobody = { controlPlaneUrls: [dead], collectorUrl: dead, trustedProxies: 0 };
  const changes = await forward(ask("/api/v1/me"), nobody);
  assert.equal(changes.status, 503);
  assert.equal(changes.headers.get("content-type"), "application/problem+json");
  assert.match(await changes.text(), /The control plane does not answer at 127\.0\.0\.1:1\./);
  const signals = await forward(ask("/api/v1/graph?windowMs=30000"), nobody);
  assert.match(await signals.text(), /The collector does not answer/);
});

test("gives up on a server that hangs, so that the page need not hang, too", async () => {
  answer = () => {}; // it takes the question and says nothing, as a stopped process does
  const response = await forward(ask("/api/v1/workloads"), config, 50);
  assert.equal(response.status, 503);
  const problem = (await response.json()) as { detail: string };
  assert.match(problem.detail, /^The control plane does not answer at .* Traffic flows on/);
});

test("lets a stream of events go on for longer than an answer may take to begin", async () => {
  const LIMIT_MS = 2000;
  let push: (text: string) => void = () => {};
  answer = (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    push = (text) => response.end(text);
  };
  const response = await forward(ask("/api/v1/graph/stream"), config, LIMIT_MS);
  setTimeout(() => push("event: graph\n\n"), LIMIT_MS + 100);
  assert.equal(await response.text(), "event: graph\n\n");
});

test("knows no path but the API's", async () => {
  answer = () => assert.fail("the request must not arrive");
  for (const path of [
    "/api/v1/login/oidc/finish",
    "/api/v1/metrics",
    "/api/v1/",
    "/api/v1/me/../../../metrics",
  ]) {
    assert.equal((await forward(ask(path), config)).status, 404, path);
  }
});

test("keeps the session token in the cookie and out of the answer", async () => {
  const expiresAtMs = Date.now() + 3_600_000;
  answer = (request, response, body) => {
    assert.equal(request.url, "/api/v1/login");
    assert.deepEqual(JSON.parse(body.toString()), { token: "once" });
    const user = { name: "mara", role: "operator" };
    response.end(JSON.stringify({ sessionToken: "s.e.s", user, expiresAtMs }));
  };
  const body = JSON.stringify({ token: "once" });
  const headers = { ...own, "content-length": String(body.length) };
  const response = await login(
    ask("/api/v1/login", { method: "POST", headers, body }),
    "link",
    config,
  );
  assert.match(
    response.headers.get("set-cookie") ?? "",
    /^heddle-session=s\.e\.s; Path=\/; Max-Age=3[56]\d\d; HttpOnly; SameSite=Strict$/,
  );
  assert.deepEqual(await response.json(), {
    user: { name: "mara", role: "operator" },
    expiresAtMs,
  });
});

test("passes on why a login failed, and asks for a token when there is none", async () => {
  answer = (_request, response) => {
    response.writeHead(401, { "content-type": "application/problem+json" });
    response.end('{"detail":"The link has been used."}');
  };
  const sent = (body: string) =>
    login(
      ask("/api/v1/login", {
        method: "POST",
        headers: { ...own, "content-length": String(body.length) },
        body,
      }),
      "link",
      config,
    );
  const used = await sent('{"token":"once"}');
  assert.equal(used.status, 401);
  assert.equal(used.headers.get("set-cookie"), null);
  assert.match(await used.text(), /has been used/);
  assert.equal((await sent("{}")).status, 400);
  assert.equal((await sent("not json")).status, 400);
});

test("ends the session in the control plane and this browser, and leads a form to the login page", async () => {
  const seen: unknown[] = [];
  answer = (request, response, body) => {
    seen.push([request.url, request.headers.authorization, body.toString()]);
    response.end('{"ended":2}');
  };
  const body = '{"everywhere":true}';
  const ended = await logout(
    ask("/api/v1/logout", {
      method: "POST",
      headers: { ...own, cookie: "heddle-session=s", "content-length": String(body.length) },
      body,
    }),
    config,
  );
  assert.deepEqual(seen, [["/api/v1/logout", "Bearer s", body]]);
  assert.equal(ended.status, 204);
  assert.match(ended.headers.get("set-cookie") ?? "", /^heddle-session=; Path=\/; Max-Age=0;/);
  const form = { ...own, origin: "null", accept: "text/html" };
  const led = await logout(ask("/api/v1/logout", { method: "POST", headers: form }), config);
  assert.equal(led.status, 303);
  assert.equal(led.headers.get("location"), "/login");
});

test("begins a login by the provider with a sealed flow in a cookie that comes back from other sites", async () => {
  answer = (request, response, body) => {
    assert.equal(request.url, "/api/v1/login/oidc/start");
    assert.deepEqual(JSON.parse(body.toString()), { next: "/graph?ns=shop" });
    response.end('{"authorizationUrl":"https://id.test/auth?x=1","flow":"a.b.c"}');
  };
  const away = await startOidc(ask("/api/v1/login/oidc?next=%2Fgraph%3Fns%3Dshop"), config);
  assert.equal(away.status, 303);
  assert.equal(away.headers.get("location"), "https://id.test/auth?x=1");
  assert.match(away.headers.get("set-cookie") ?? "", /^heddle-login-flow=a\.b\.c;.*SameSite=Lax$/);
});

test("comes back from the provider with a session, and leads only to its own pages", async () => {
  const nexts = ["/graph", "https://evil.test/", "//evil.test", '/"><script>'];
  const led: (string | undefined)[] = [];
  for (const next of nexts) {
    answer = (_request, response) =>
      response.end(
        JSON.stringify({
          sessionToken: "s.e.s",
          user: { name: "mara", role: "viewer" },
          expiresAtMs: Date.now() + 60_000,
          next,
        }),
      );
    const back = await finishOidc(
      ask("/api/v1/login/oidc/callback?code=c&state=s", {
        headers: { cookie: "heddle-login-flow=a.b.c" },
      }),
      config,
    );
    assert.equal(back.status, 200);
    assert.match(back.headers.get("set-cookie") ?? "", /heddle-session=s\.e\.s;.*SameSite=Strict/);
    assert.doesNotMatch(await back.clone().text(), /<script>/);
    led.push(/url=([^"]*)"/.exec(await back.text())?.[1]);
  }
  assert.deepEqual(led.slice(0, 3), ["/graph", "/", "/"]);
});

test("sends a browser whose provider login failed back to the login page without saying more", async () => {
  answer = (_request, response) => {
    response.writeHead(401, { "content-type": "application/problem+json" });
    response.end('{"detail":"secret reason"}');
  };
  const withFlow = { headers: { cookie: "heddle-login-flow=a.b.c" } };
  const refused = await finishOidc(ask("/api/v1/login/oidc/callback?code=c", withFlow), config);
  assert.equal(refused.headers.get("location"), "/login?provider=refused");
  const lost = await finishOidc(ask("/api/v1/login/oidc/callback?code=c"), config);
  assert.equal(lost.headers.get("location"), "/login?provider=expired");
});

test("describes what both servers answer in one document, and its own ways in as they are here", async () => {
  const described = { tags: ["x"], responses: { "200": { description: "a session token" } } };
  answer = (_request, response) => {
    const paths = {
      "/api/v1/graph": { get: described },
      "/api/v1/login": { post: described },
      "/api/v1/logout": { post: described },
      "/api/v1/login/oidc/finish": { post: described },
      "/metrics": { get: described },
    };
    const components = { schemas: { Problem: {} }, securitySchemes: {} };
    response.end(JSON.stringify({ openapi: "3.1.0", info: {}, paths, components }));
  };
  const response = await serveOpenApi(ask("/api/openapi.json"), config);
  assert.equal(response.status, 200);
  const { paths } = (await response.json()) as {
    paths: Record<string, { post?: { responses: object } }>;
  };
  assert.deepEqual(Object.keys(paths), ["/api/v1/graph", "/api/v1/login", "/api/v1/logout"]);
  assert.match(JSON.stringify(paths["/api/v1/login"]), /Set-Cookie/);
  assert.deepEqual(Object.keys(paths["/api/v1/logout"]?.post?.responses ?? {}), ["204"]);
  const etag = response.headers.get("etag") ?? "";
  const headers = { "if-none-match": etag };
  assert.equal((await serveOpenApi(ask("/api/openapi.json", { headers }), config)).status, 304);
});

test("says which methods an address of its own takes", async () => {
  const response = refuseMethod("POST")(ask("/api/v1/login"));
  assert.deepEqual([response.status, response.headers.get("allow")], [405, "POST"]);
  assert.match(await response.text(), /does not take GET; it takes POST/);
});
