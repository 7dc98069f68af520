import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { waitFor } from "@heddle/testkit";
import {
  app,
  authority,
  hosted,
  inbound,
  MemoryRecorder,
  RawClient,
  send,
} from "./data-path-kit.ts";
import { callerOf, countingApp, hold, route } from "./outbound-kit.ts";

const host = "reviews";

const DETECTION = {
  consecutive5xxErrors: 3,
  consecutiveGatewayErrors: 0,
  consecutiveLocalOriginFailures: 0,
  splitsLocalOrigin: false,
  errorCodes: [],
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionRatio: 0.1,
  minHealthRatio: 0,
};

test("outlierDetection: ejects one of two endpoints after errors in a row, at Istio's 10 % too", async (t) => {
  const bad = await countingApp(t, (response) => response.writeHead(503).end());
  const good = await countingApp(t);
  const { proxy, mesh } = await callerOf(t, [bad.port, good.port], {
    trafficPolicy: { outlierDetection: DETECTION },
  });
  for (let round = 0; round < 40; round++) await send(proxy.port, { host });
  assert.equal(bad.seen.length, 3);
  const [destination] = mesh.live.destinations;
  const [ejected] = destination?.explain(Date.now()) ?? [];
  assert.deepEqual([ejected?.state, ejected?.reason], ["ejected", "3 times 503 in a row"]);
  assert.deepEqual([...(destination?.sources.keys() ?? [])], ["shop/front"]);
});

test("outlierDetection: connections that fail count as errors, and the last endpoint is never ejected", async (t) => {
  const good = await countingApp(t, (response) => response.writeHead(500).end());
  const { proxy, mesh } = await callerOf(t, [1, good.port], {
    routes: [route({ retries: undefined })],
    trafficPolicy: { outlierDetection: { ...DETECTION, maxEjectionRatio: 1 } },
  });
  for (let round = 0; round < 30; round++) await send(proxy.port, { host });
  const states = mesh.live.destinations[0]?.explain(Date.now()).map(({ state }) => state);
  assert.deepEqual(states?.sort(), ["ejected", "in-use"]);
});

test("a failure says which endpoints are out, until when and why", async (t) => {
  const bad = await countingApp(t, (response) => response.writeHead(503).end());
  const slow = await countingApp(t, hold);
  const { proxy } = await callerOf(t, [bad.port, slow.port], {
    routes: [route({ timeoutMs: 60 })],
    trafficPolicy: {
      outlierDetection: { ...DETECTION, consecutive5xxErrors: 1, splitsLocalOrigin: true },
    },
  });
  await waitFor("one is ejected", 5_000, async () => {
    await send(proxy.port, { host });
    return bad.seen.length === 1;
  });
  const answer = await send(proxy.port, { host });
  assert.equal(answer.status, 504);
  const endpoint = `endpoint 127\\.0\\.0\\.1:${bad.port}: ejected until 20.*Z: once 503`;
  assert.match(answer.body.toString(), new RegExp(`rule: main \\(revision 7\\)[^]*\n${endpoint}`));
});

test("outlierDetection: an ejection ends with its time", async (t) => {
  let isBad = true;
  const flaky = await countingApp(t, (response) => response.writeHead(isBad ? 503 : 200).end());
  const good = await countingApp(t);
  const { proxy } = await callerOf(t, [flaky.port, good.port], {
    trafficPolicy: {
      outlierDetection: {
        ...DETECTION,
        consecutive5xxErrors: 1,
        baseEjectionMs: 60,
        intervalMs: 10,
      },
    },
  });
  for (let round = 0; round < 10; round++) await send(proxy.port, { host });
  assert.equal(flaky.seen.length, 1);
  isBad = false;
  const endMs = performance.now() + 5_000;
  while (flaky.seen.length < 2) {
    assert.ok(performance.now() < endMs, "the endpoint is asked again");
    await send(proxy.port, { host });
  }
});

test("outlierDetection.consecutiveGatewayErrors: counts 502 to 504 apart from other errors", async (t) => {
  const alternate = (response: ServerResponse, count: number) => {
    response.writeHead(count % 2 === 1 ? 500 : 502).end();
  };
  const [one, other] = [await countingApp(t, alternate), await countingApp(t, alternate)];
  const { proxy, mesh } = await callerOf(t, [one.port, other.port], {
    trafficPolicy: {
      outlierDetection: { ...DETECTION, consecutive5xxErrors: 0, consecutiveGatewayErrors: 2 },
    },
  });
  for (let round = 0; round < 12; round++) await send(proxy.port, { host });
  const states = mesh.live.destinations[0]?.explain(Date.now()).map(({ state }) => state) ?? [];
  assert.ok(
    states.every((state) => state === "in-use"),
    "never two of them in a row",
  );
});

test("connectionPool.http.http2MaxRequests: one more than allowed is refused at once: UO", async (t) => {
  const held: (() => void)[] = [];
  const slow = await app(t, (_request, response) => {
    held.push(() => response.end("ok"));
  });
  const { proxy, recorder, mesh } = await callerOf(t, [slow.port], {
    trafficPolicy: { connectionPool: { maxRequests: 2 } },
  });
  const under = [send(proxy.port, { host }), send(proxy.port, { host })];
  await waitFor("both are under way", 5_000, () => held.length === 2);
  const refused = await send(proxy.port, { host });
  assert.deepEqual(
    [refused.status, refused.headers["x-heddle-flags"], refused.headers["x-envoy-overloaded"]],
    [503, "UO", "true"],
  );
  assert.match(refused.body.toString(), /http\.http2MaxRequests: 2 reached/);
  for (const release of held) release();
  for (const { status } of await Promise.all(under)) assert.equal(status, 200);
  const { labels } = await recorder.find(({ labels }) => labels.responseFlags === "UO");
  assert.equal(labels.failedBy, "outbound-proxy");
  assert.deepEqual(mesh.live.destinations[0]?.usage, {
    connections: 2,
    pending: 0,
    requests: 0,
    retries: 0,
  });
});

test("connectionPool: maxConnections makes requests wait, and http1MaxPendingRequests bounds how many", async (t) => {
  const held: (() => void)[] = [];
  const slow = await app(t, (_request, response) => {
    held.push(() => response.end("ok"));
  });
  const { proxy } = await callerOf(t, [slow.port], {
    trafficPolicy: { connectionPool: { maxConnections: 1, maxPendingRequests: 1 } },
  });
  const first = send(proxy.port, { host });
  await waitFor("the first is under way", 5_000, () => held.length === 1);
  const others = [1, 2, 3].map(() => send(proxy.port, { host }));
  const refused = await Promise.race(others);
  assert.deepEqual([refused.status, refused.headers["x-heddle-flags"]], [503, "UO"]);
  assert.match(refused.body.toString(), /http\.http1MaxPendingRequests: 1 reached/);
  held[0]?.();
  assert.equal((await first).status, 200);
  await waitFor("the second is under way", 5_000, () => held.length === 2);
  held[1]?.();
  const statuses = (await Promise.all(others)).map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, 503, 503]);
});

test("connectionPool.http.maxRequestsPerConnection: 1 opens a connection for each request", async (t) => {
  let connections = 0;
  const { port, server } = await app(t, (_request, response) => response.end("ok"));
  server.on("connection", () => connections++);
  const { proxy } = await callerOf(t, [port], {
    trafficPolicy: { connectionPool: { maxRequestsPerConnection: 1 } },
  });
  for (let round = 0; round < 3; round++) {
    assert.equal((await send(proxy.port, { host })).status, 200);
  }
  assert.equal(connections, 3);
});

test("connectionPool holds between sidecars as well", async (t) => {
  const held: (() => void)[] = [];
  const slow = await app(t, (_request, response) => {
    held.push(() => response.end("ok"));
  });
  const workload = await hosted("reviews", { appPort: slow.port, by: await authority() });
  const listener = await inbound(t, workload, new MemoryRecorder());
  const identity = workload.identity.spiffeId ?? "";
  const { proxy } = await callerOf(t, [{ port: listener.port, identity }], {
    trafficPolicy: { connectionPool: { maxConnections: 1, maxPendingRequests: 1 } },
  });
  const first = send(proxy.port, { host });
  await waitFor("the first is under way", 5_000, () => held.length === 1);
  const others = [1, 2].map(() => send(proxy.port, { host }));
  assert.equal((await Promise.race(others)).status, 503);
  held[0]?.();
  assert.equal((await first).status, 200);
  await waitFor("the second is under way", 5_000, () => held.length === 2);
  held[1]?.();
  await Promise.all(others);
});

test("an app that keeps idle connections for a second only gets a new one before that", async (t) => {
  let connections = 0;
  const { port, server } = await app(t, (_request, response) => response.end("ok"));
  server.keepAliveTimeout = 1_000;
  const closed: number[] = [];
  server.on("connection", (socket) => {
    connections++;
    socket.on("end", () => closed.push(performance.now()));
  });
  const { proxy } = await callerOf(t, [port]);
  const startMs = performance.now();
  assert.equal((await send(proxy.port, { host })).status, 200);
  await waitFor("the proxy closes first", 5_000, () => closed.length === 1);
  assert.ok((closed[0] ?? 0) - startMs < 950, `closed after ${(closed[0] ?? 0) - startMs} ms`);
  assert.equal(connections, 1);
});

test("http.timeout: is told to the endpoint, and a caller's own bound counts if it is less", async (t) => {
  const one = await countingApp(t);
  const { proxy } = await callerOf(t, [one.port], { routes: [route({ timeoutMs: 2_000 })] });
  await send(proxy.port, { host });
  await send(proxy.port, { host, headers: { "x-envoy-expected-rq-timeout-ms": "500" } });
  await send(proxy.port, { host, headers: { "grpc-timeout": "300m" } });
  await send(proxy.port, { host, headers: { "x-envoy-upstream-rq-timeout-ms": "900" } });
  const told = one.seen.map(({ headers }) => Number(headers["x-envoy-expected-rq-timeout-ms"]));
  const bounds = [2_000, 500, 300, 900];
  for (const [index, bound] of bounds.entries()) {
    assert.ok((told[index] ?? 0) <= bound && (told[index] ?? 0) > bound - 200, told.join());
  }
  assert.match(one.seen[2]?.headers["grpc-timeout"] as string, /^2\d\dm$|^300m$/);
});

test("a host outside is sent a caller's grpc-timeout as it came, and nothing that is meant for the proxy", async (t) => {
  const one = await countingApp(t);
  const { proxy } = await callerOf(t, [one.port]);
  const headers = { "grpc-timeout": "300m", "x-envoy-retry-on": "5xx" };
  await send(proxy.port, { host: `127.0.0.1:${one.port}`, headers });
  assert.equal(one.seen[0]?.headers["grpc-timeout"], "300m");
  assert.equal(one.seen[0]?.headers["x-envoy-retry-on"], undefined);
});

test("a caller's bound ends a request as the rule's would, and says so: 504, UT", async (t) => {
  const slow = await countingApp(t, hold);
  const { proxy, recorder } = await callerOf(t, [slow.port], {
    routes: [route({ timeoutMs: 60_000 })],
  });
  const headers = { "x-envoy-expected-rq-timeout-ms": "80" };
  const answer = await send(proxy.port, { host, headers });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [504, "UT"]);
  assert.match(answer.body.toString(), /within the 80 ms the caller waits/);
  const { labels } = await recorder.find(() => true);
  assert.equal(labels.failedBy, "outbound-proxy");
});

test("a client that leaves takes its request away from the endpoint at once", async (t) => {
  const left = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const slow = await app(t, (request) => {
    arrived.resolve();
    request.on("close", () => left.resolve());
  });
  const { proxy, recorder } = await callerOf(t, [slow.port]);
  const client = new RawClient(t, proxy.port);
  client.send("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await arrived.promise;
  client.socket.destroy();
  await left.promise;
  const { labels } = await recorder.find(({ labels }) => labels.responseFlags === "DC");
  assert.equal(labels.responseCode, 0);
});
