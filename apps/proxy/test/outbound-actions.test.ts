import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultInjection } from "@heddle/mesh";
import { waitFor } from "@heddle/testkit";
import { send } from "./data-path-kit.ts";
import { callerOf, countingApp, eventsOf, hold, REVIEWS, retries, route } from "./outbound-kit.ts";

const host = "reviews";

test("http.fault.abort: answers in the endpoint's stead, and says that it is injected: FI", async (t) => {
  const one = await countingApp(t);
  const fault: FaultInjection = { abort: { ratio: 1, httpStatus: 418 }, scope: "request" };
  const { proxy, recorder } = await callerOf(t, [one.port], { routes: [route({ fault })] });
  const answer = await send(proxy.port, { host });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [418, "FI"]);
  assert.match(
    answer.body.toString(),
    /injected by the rule's fault[\s\S]*rule: main \(revision 7\)/,
  );
  assert.equal(one.seen.length, 0);
  const { labels } = await recorder.find(() => true);
  assert.deepEqual([labels.responseFlags, labels.failedBy], ["FI", "outbound-proxy"]);
  assert.deepEqual(eventsOf(recorder, "heddle_faults_total"), { abort: 1 });
});

test("http.fault.abort.percentage: meets that share of the requests", async (t) => {
  const one = await countingApp(t);
  const fault: FaultInjection = { abort: { ratio: 0.5, httpStatus: 500 }, scope: "request" };
  const { proxy } = await callerOf(t, [one.port], { routes: [route({ fault })] });
  for (let sent = 0; sent < 200; sent++) await send(proxy.port, { host });
  assert.ok(one.seen.length > 60 && one.seen.length < 140, `${one.seen.length} of 200 passed`);
});

test("http.fault.delay: holds a request, and the route's timeout does not cover it: DI", async (t) => {
  const one = await countingApp(t);
  const fault: FaultInjection = { delay: { ratio: 1, delayMs: 150 }, scope: "request" };
  const { proxy, recorder } = await callerOf(t, [one.port], { routes: [route({ fault })] });
  const startMs = performance.now();
  assert.equal((await send(proxy.port, { host })).status, 200);
  assert.ok(performance.now() - startMs >= 145);
  const { labels } = await recorder.find(() => true);
  assert.deepEqual([labels.responseCode, labels.responseFlags], [200, "DI"]);
});

test("http.fault with delay and abort: both, in this order: FI and DI", async (t) => {
  const fault: FaultInjection = {
    delay: { ratio: 1, delayMs: 60 },
    abort: { ratio: 1, grpcStatus: 14 },
    scope: "request",
  };
  const { proxy } = await callerOf(t, [1], { routes: [route({ fault })] });
  const startMs = performance.now();
  const answer = await send(proxy.port, { host });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "FI,DI"]);
  assert.ok(performance.now() - startMs >= 55);
});

test("fault.scope request: retries do not meet it; scope upstream: they do", async (t) => {
  const one = await countingApp(t);
  const above: FaultInjection = { abort: { ratio: 1, httpStatus: 503 }, scope: "request" };
  const { proxy, recorder } = await callerOf(t, [one.port], {
    routes: [route({ fault: above, retries: retries() })],
  });
  assert.equal((await send(proxy.port, { host })).status, 503);
  assert.deepEqual(eventsOf(recorder, "heddle_retries_total"), {});
  const below: FaultInjection = { ...above, scope: "attempt" };
  const other = await callerOf(t, [one.port], {
    routes: [route({ fault: below, retries: retries() })],
  });
  const answer = await send(other.proxy.port, { host });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "FI,URX"]);
  assert.deepEqual(eventsOf(other.recorder, "heddle_retries_total"), {
    retried: 2,
    limit_reached: 1,
  });
  assert.deepEqual(eventsOf(other.recorder, "heddle_faults_total"), { abort: 3 });
  assert.equal(one.seen.length, 0);
});

test("fault.scope upstream: half of the tries fail, and two retries save nearly every request", async (t) => {
  const one = await countingApp(t);
  const fault: FaultInjection = { abort: { ratio: 0.3, httpStatus: 503 }, scope: "attempt" };
  const { proxy } = await callerOf(t, [one.port], {
    routes: [route({ fault, retries: retries({ attempts: 5 }) })],
  });
  let failed = 0;
  for (let sent = 0; sent < 60; sent++) {
    if ((await send(proxy.port, { host })).status !== 200) failed++;
  }
  assert.ok(failed <= 3, `${failed} of 60 failed`);
});

test("fault.scope upstream: a delay counts against the try's timeout and outlier detection", async (t) => {
  const one = await countingApp(t);
  const fault: FaultInjection = { delay: { ratio: 1, delayMs: 5_000 }, scope: "attempt" };
  const policy = retries({ attempts: 1, perTryTimeoutMs: 40 });
  const { proxy, mesh } = await callerOf(t, [one.port, one.port], {
    routes: [route({ fault, retries: policy })],
    trafficPolicy: {
      outlierDetection: {
        consecutive5xxErrors: 1,
        consecutiveGatewayErrors: 0,
        consecutiveLocalOriginFailures: 0,
        splitsLocalOrigin: false,
        errorCodes: [],
        intervalMs: 10_000,
        baseEjectionMs: 30_000,
        maxEjectionRatio: 1,
        minHealthRatio: 0,
      },
    },
  });
  const answer = await send(proxy.port, { host });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [504, "UT,DI,URX"]);
  const states = mesh.live.destinations[0]?.explain(Date.now()).map(({ state }) => state);
  assert.ok(states?.includes("ejected"), states?.join() ?? "no states");
});

test("http.mirrors: a share is copied, body and all, to the shadow host; the answer is thrown away", async (t) => {
  const one = await countingApp(t);
  const shadow = await countingApp(t, (response) => response.writeHead(500).end("nobody sees it"));
  const subset = (name: string) => ({ service: REVIEWS, subset: name, weight: 1 });
  const { proxy, recorder } = await callerOf(
    t,
    [
      { port: one.port, version: "v1" },
      { port: shadow.port, version: "v2" },
    ],
    {
      subsets: ["v1", "v2"].map((version) => ({ name: version, labels: { version } })),
      routes: [
        route({
          destinations: [subset("v1")],
          mirrors: [{ destination: subset("v2"), ratio: 1, marksHost: true }],
        }),
      ],
    },
  );
  const answer = await send(proxy.port, {
    host: "reviews:80",
    method: "POST",
    path: "/a?b",
    body: "hello",
  });
  assert.deepEqual([answer.status, answer.body.toString()], [200, "ok"]);
  assert.equal((await send(proxy.port, { host })).status, 200);
  await waitFor("both copies", 5_000, () => shadow.seen.length === 2);
  const [post, get] = shadow.seen.toSorted((a, b) => b.body.length - a.body.length);
  assert.deepEqual(
    [post?.method, post?.url, post?.body, post?.headers.host],
    ["POST", "/a?b", "hello", "reviews-shadow:80"],
  );
  assert.equal(get?.headers.host, "reviews-shadow");
  assert.match(get?.headers["traceparent"] as string, /-00$/);
  await waitFor("both are counted", 5_000, () => {
    return eventsOf(recorder, "heddle_mirrored_requests_total")["answered"] === 2;
  });
  assert.ok(recorder.records.every(({ labels }) => labels.responseCode === 200));
});

test("http.mirrors: a mirror that hangs or refuses neither slows nor fails the real request", async (t) => {
  const one = await countingApp(t);
  const hanging = await countingApp(t, hold);
  const subset = (name: string) => ({ service: REVIEWS, subset: name, weight: 1 });
  const { proxy, recorder } = await callerOf(
    t,
    [
      { port: one.port, version: "v1" },
      { port: hanging.port, version: "v2" },
      { port: 1, version: "v3" },
    ],
    {
      subsets: ["v1", "v2", "v3"].map((version) => ({ name: version, labels: { version } })),
      routes: [
        route({
          destinations: [subset("v1")],
          mirrors: ["v2", "v3"].map((name) => ({
            destination: subset(name),
            ratio: 1,
            marksHost: false,
          })),
        }),
      ],
    },
  );
  const body = "x".repeat(100_000);
  assert.equal((await send(proxy.port, { host })).status, 200);
  assert.equal((await send(proxy.port, { host, method: "POST", body })).status, 200);
  await waitFor("copies of the large body are dropped, one is refused", 5_000, () => {
    const { dropped, failed } = eventsOf(recorder, "heddle_mirrored_requests_total");
    return dropped === 2 && failed === 1;
  });
  await waitFor("the other hangs", 5_000, () => hanging.seen.length === 1);
});

test("http.corsPolicy: answers a preflight, and adds its fields to the answers of an allowed origin", async (t) => {
  const one = await countingApp(t, (response) => {
    response.setHeader("access-control-allow-origin", "*");
  });
  const cors = {
    allowOrigins: [{ kind: "exact", value: "https://shop.example" } as const],
    allowMethods: ["GET", "PUT"],
    allowHeaders: ["x-a"],
    exposeHeaders: ["x-b"],
    maxAgeSeconds: 60,
    allowCredentials: true,
    unmatchedPreflights: "FORWARD" as const,
  };
  const { proxy } = await callerOf(t, [one.port], { routes: [route({ cors })] });
  const preflight = await send(proxy.port, {
    host,
    method: "OPTIONS",
    headers: { origin: "https://shop.example", "access-control-request-method": "PUT" },
  });
  assert.equal(preflight.status, 200);
  assert.equal(one.seen.length, 0);
  assert.equal(preflight.headers["access-control-allow-methods"], "GET,PUT");
  assert.equal(preflight.headers["access-control-max-age"], "60");
  const real = await send(proxy.port, { host, headers: { origin: "https://shop.example" } });
  assert.equal(real.headers["access-control-allow-origin"], "https://shop.example");
  assert.equal(real.headers["access-control-expose-headers"], "x-b");
  const other = await send(proxy.port, { host, headers: { origin: "https://evil.example" } });
  assert.equal(other.headers["access-control-expose-headers"], undefined);
});

test("http.rewrite: a prefix is replaced, the query stays, the old path is told", async (t) => {
  const one = await countingApp(t);
  const { proxy } = await callerOf(t, [one.port], {
    routes: [
      route({
        name: "prefix",
        matches: [{ uri: { kind: "prefix", value: "/api/" } }],
        rewrite: { uri: "/v2/", authority: "inner.shop" },
      }),
      route({
        name: "regex",
        matches: [{ uri: { kind: "prefix", value: "/user" } }],
        rewrite: { uriRegex: { match: "/user/([0-9]+)/(.*)", rewrite: "/\\2/of/\\1" } },
      }),
      route({
        name: "exact",
        matches: [{ uri: { kind: "exact", value: "/old" } }],
        rewrite: { uri: "/new" },
      }),
    ],
  });
  for (const path of ["/api/books?x=1", "/user/7/name", "/old?q"])
    await send(proxy.port, { host, path });
  assert.deepEqual(
    one.seen.map(({ url, headers }) => [url, headers["x-envoy-original-path"], headers.host]),
    [
      ["/v2/books?x=1", "/api/books?x=1", "inner.shop"],
      ["/name/of/7", "/user/7/name", "reviews"],
      ["/new?q", "/old?q", "reviews"],
    ],
  );
});

test("http.redirect and http.directResponse: are answered without an endpoint", async (t) => {
  const { proxy, recorder } = await callerOf(t, [1], {
    routes: [
      route({
        name: "moved",
        matches: [{ uri: { kind: "prefix", value: "/old" } }],
        destinations: [],
        redirect: { prefixRewrite: "/new", authority: "shop.example", status: 308 },
      }),
      route({
        name: "pong",
        matches: [{ uri: { kind: "exact", value: "/ping" } }],
        destinations: [],
        directResponse: { status: 202, body: { text: "pong" } },
        headers: {
          response: { set: { "x-made-by": "%ROUTE_NAME%", "content-type": "text/x-pong" } },
        },
      }),
    ],
  });
  const moved = await send(proxy.port, { host, path: "/old/a?b=c" });
  assert.deepEqual([moved.status, moved.headers.location], [308, "http://shop.example/new/a?b=c"]);
  const pong = await send(proxy.port, { host, path: "/ping" });
  assert.deepEqual([pong.status, pong.body.toString()], [202, "pong"]);
  assert.equal(pong.headers["x-made-by"], "pong");
  assert.equal(pong.headers["content-type"], "text/x-pong");
  const [record] = recorder.records;
  assert.deepEqual([record?.labels.responseCode, record?.labels.responseFlags], [308, "-"]);
});

test("http.headers: remove, set and add, of the route and of the destination, both ways", async (t) => {
  const one = await countingApp(t, (response) => {
    response.setHeader("server", "secret");
    response.setHeader("x-app", "kept");
  });
  const { proxy } = await callerOf(t, [one.port], {
    routes: [
      route({
        destinations: [
          {
            service: REVIEWS,
            weight: 1,
            headers: { request: { set: { "x-version": "v1" } }, response: { remove: ["server"] } },
          },
        ],
        headers: {
          request: {
            add: { "x-path": "%REQ(:path)%", "x-was": "%REQ(X-Token)%" },
            remove: ["x-token"],
            set: { "x-user": "by rule" },
          },
          response: { add: { "x-code": "%RESPONSE_CODE%", "x-percent": "100%%" } },
        },
      }),
    ],
  });
  const answer = await send(proxy.port, {
    host,
    path: "/p?q",
    headers: { "X-Token": "t", "X-User": "me", "X-Path": "first" },
  });
  const headers = one.seen[0]?.headers ?? {};
  assert.equal(headers["x-version"], "v1");
  assert.equal(headers["x-path"], "first, /p?q");
  assert.equal(headers["x-token"], undefined);
  assert.equal(headers["x-user"], "by rule");
  assert.equal(answer.headers["server"], undefined);
  assert.deepEqual(
    [answer.headers["x-app"], answer.headers["x-code"], answer.headers["x-percent"]],
    ["kept", "200", "100%"],
  );
});

test("pathNormalization: what is matched is what is forwarded; %00 is refused", async (t) => {
  const one = await countingApp(t);
  const { proxy, mesh } = await callerOf(t, [one.port], {
    routes: [
      route({
        name: "admin",
        matches: [{ uri: { kind: "prefix", value: "/admin" } }],
        destinations: [],
        directResponse: { status: 403 },
      }),
      route(),
    ],
  });
  for (const path of ["/a/../admin", "/%61dmin", "/a\\..\\admin"]) {
    assert.equal((await send(proxy.port, { host, path })).status, 403, path);
  }
  assert.equal((await send(proxy.port, { host, path: "//admin" })).status, 200);
  mesh.pathNormalization = "MERGE_SLASHES";
  assert.equal((await send(proxy.port, { host, path: "//admin" })).status, 403);
  assert.equal((await send(proxy.port, { host, path: "/a%00" })).status, 400);
  assert.equal((await send(proxy.port, { host, path: "/x//./y?z=//%61" })).status, 200);
  assert.deepEqual(
    one.seen.map(({ url }) => url),
    ["//admin", "/x/y?z=//%61"],
  );
});
