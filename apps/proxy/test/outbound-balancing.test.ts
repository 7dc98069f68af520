import assert from "node:assert/strict";
import { test } from "node:test";
import type { HashKey, LoadBalancer } from "@heddle/mesh";
import {
  endpoints,
  hosted,
  MemoryRecorder,
  outbound,
  send,
  service,
  TestMesh,
} from "./data-path-kit.ts";
import { callerOf, countingApp, hold, REVIEWS, route } from "./outbound-kit.ts";

const host = "reviews";

const maglev = (key: HashKey): { loadBalancer: LoadBalancer } => ({
  loadBalancer: { algorithm: { kind: "maglev", key, tableSize: 1_009 } },
});
const ring = (key: HashKey): { loadBalancer: LoadBalancer } => ({
  loadBalancer: { algorithm: { kind: "ring-hash", key, minimumRingSize: 1_024 } },
});

for (const [name, policyOf] of Object.entries({ maglev, ring })) {
  test(`loadBalancer.consistentHash.${name}.httpHeaderName: one caller's value keeps its endpoint`, async (t) => {
    const apps = await Promise.all([1, 2, 3, 4].map(() => countingApp(t)));
    const { proxy } = await callerOf(
      t,
      apps.map(({ port }) => port),
      { trafficPolicy: policyOf({ kind: "header", name: "x-user" }) },
    );
    for (let user = 0; user < 12; user++) {
      for (let round = 0; round < 4; round++) {
        await send(proxy.port, { host, headers: { "X-User": `user-${user}` } });
      }
    }
    for (const { seen } of apps) {
      const users = new Map<unknown, number>();
      for (const { headers } of seen) {
        users.set(headers["x-user"], (users.get(headers["x-user"]) ?? 0) + 1);
      }
      assert.ok([...users.values()].every((count) => count === 4));
    }
    assert.ok(apps.filter(({ seen }) => seen.length > 0).length > 1, "users are spread");
  });
}

test("loadBalancer.consistentHash.httpCookie: a caller without the cookie gets one, and stays where it points", async (t) => {
  const apps = await Promise.all([1, 2, 3, 4].map(() => countingApp(t)));
  const key: HashKey = { kind: "cookie", name: "stick", ttlSeconds: 60, path: "/" };
  const { proxy } = await callerOf(
    t,
    apps.map(({ port }) => port),
    { trafficPolicy: maglev(key) },
  );
  const first = await send(proxy.port, { host });
  const [cookie = ""] = first.headers["set-cookie"] ?? [];
  assert.match(cookie, /^stick=[0-9a-f]+; Max-Age=60; Path=\/; HttpOnly$/);
  const home = apps.findIndex(({ seen }) => seen.length === 1);
  for (let round = 0; round < 8; round++) {
    const answer = await send(proxy.port, {
      host,
      headers: { cookie: cookie.split(";")[0] ?? "" },
    });
    assert.equal(answer.headers["set-cookie"], undefined);
  }
  assert.equal(apps[home]?.seen.length, 9);
});

test("loadBalancer.consistentHash.httpQueryParameterName: the query decides", async (t) => {
  const apps = await Promise.all([1, 2, 3].map(() => countingApp(t)));
  const { proxy } = await callerOf(
    t,
    apps.map(({ port }) => port),
    { trafficPolicy: ring({ kind: "query", name: "id" }) },
  );
  for (let round = 0; round < 6; round++)
    await send(proxy.port, { host, path: `/x?a=${round}&id=7` });
  assert.deepEqual(apps.map(({ seen }) => seen.length).sort(), [0, 0, 6]);
});

test("loadBalancer.simple ROUND_ROBIN: takes turns by weight", async (t) => {
  const apps = await Promise.all([1, 2].map(() => countingApp(t)));
  const [one, other] = apps;
  const { proxy } = await callerOf(
    t,
    [{ port: one?.port ?? 0, weight: 3 }, { port: other?.port ?? 0 }],
    { trafficPolicy: { loadBalancer: { algorithm: { kind: "round-robin" } } } },
  );
  for (let round = 0; round < 40; round++) await send(proxy.port, { host });
  assert.deepEqual(
    apps.map(({ seen }) => seen.length),
    [30, 10],
  );
});

test("loadBalancer heddle.dev latencyAware: a slow endpoint gets little, a failing one too", async (t) => {
  const slow = await countingApp(t, (response) => {
    hold(response);
    setTimeout(() => response.end("late"), 60);
  });
  const failing = await countingApp(t, (response) => response.writeHead(500).end());
  const fast = await countingApp(t);
  const { proxy } = await callerOf(t, [slow.port, failing.port, fast.port], {
    trafficPolicy: {
      loadBalancer: { algorithm: { kind: "peak-ewma", decayMs: 10_000, failurePenaltyMs: 1_000 } },
    },
  });
  for (let round = 0; round < 60; round++) await send(proxy.port, { host });
  // Two choices of three leave the fast one out in every third draw; then the slow one is the better.
  assert.ok(fast.seen.length > 28, `${fast.seen.length} of 60`);
  assert.ok(failing.seen.length < 6, `${failing.seen.length} of 60`);
});

test("localityLbSetting: the nearest serve until they fail, then the next", async (t) => {
  let isNearBad = false;
  const near = await countingApp(t, (response) => response.writeHead(isNearBad ? 503 : 200).end());
  const far = await countingApp(t);
  const mesh = new TestMesh();
  mesh.caller = { namespace: "shop", labels: { app: "front" }, locality: "eu/west/a" };
  mesh.apply(
    service("reviews", {
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
    }),
    endpoints("reviews", [
      { port: near.port, locality: "eu/west/b" },
      { port: far.port, locality: "us/east/a" },
    ]),
  );
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  for (let round = 0; round < 20; round++) await send(proxy.port, { host });
  assert.deepEqual([near.seen.length, far.seen.length], [20, 0]);
  isNearBad = true;
  for (let round = 0; round < 20; round++) await send(proxy.port, { host });
  assert.deepEqual([near.seen.length, far.seen.length], [21, 19]);
});

test("localityLbSetting.distribute: shares by where endpoints are", async (t) => {
  const [west, east] = await Promise.all([countingApp(t), countingApp(t)]);
  const mesh = new TestMesh();
  mesh.caller = { namespace: "shop", labels: {}, locality: "eu/west/a" };
  const locality = {
    kind: "distribute" as const,
    from: [{ from: "eu/*", to: { "eu/*": 80, "us/*": 20 } }],
  };
  mesh.apply(
    service("reviews", {
      trafficPolicy: { loadBalancer: { algorithm: { kind: "least-request" }, locality } },
    }),
    endpoints("reviews", [
      { port: west?.port ?? 0, locality: "eu/west/b" },
      { port: east?.port ?? 0, locality: "us/east/a" },
    ]),
  );
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  for (let round = 0; round < 100; round++) await send(proxy.port, { host });
  const share = west?.seen.length ?? 0;
  assert.ok(share >= 62 && share <= 96, `${share} of 100`);
});

test("loadBalancer.warmup: an endpoint that has just begun gets a small share", async (t) => {
  const [old, fresh] = await Promise.all([countingApp(t), countingApp(t)]);
  const nowMs = Date.now();
  const { proxy, mesh } = await callerOf(
    t,
    [
      { port: old?.port ?? 0, servesSinceMs: nowMs - 3_600_000 },
      { port: fresh?.port ?? 0, servesSinceMs: nowMs },
    ],
    {
      trafficPolicy: {
        loadBalancer: {
          algorithm: { kind: "round-robin" },
          warmup: { durationMs: 600_000, minimumRatio: 0.1, aggression: 1 },
        },
      },
    },
  );
  for (let round = 0; round < 110; round++) await send(proxy.port, { host });
  const share = fresh?.seen.length ?? 0;
  assert.ok(share >= 6 && share <= 16, `${share} of 110`);
  const states = mesh.live.destinations[0]?.explain(Date.now()).map(({ state }) => state);
  assert.deepEqual(states, ["in-use", "warming"]);
});

test("a subset's policy replaces its rule's block by block, through a route to it", async (t) => {
  const apps = await Promise.all([1, 2].map(() => countingApp(t)));
  const { proxy } = await callerOf(
    t,
    apps.map(({ port }) => ({ port, version: "v1" })),
    {
      trafficPolicy: maglev({ kind: "header", name: "x-user" }),
      subsets: [
        {
          name: "v1",
          labels: { version: "v1" },
          trafficPolicy: { loadBalancer: { algorithm: { kind: "round-robin" } } },
        },
      ],
      routes: [route({ destinations: [{ service: REVIEWS, subset: "v1", weight: 1 }] })],
    },
  );
  for (let round = 0; round < 10; round++) {
    await send(proxy.port, { host, headers: { "x-user": "same" } });
  }
  assert.deepEqual(
    apps.map(({ seen }) => seen.length),
    [5, 5],
  );
});

test("portLevelSettings: hold for their port alone", async (t) => {
  const apps = await Promise.all([1, 2].map(() => countingApp(t)));
  const { proxy } = await callerOf(
    t,
    apps.map(({ port }) => port),
    {
      ports: [
        { number: 80, protocol: "http" },
        { number: 8080, protocol: "http" },
      ],
      trafficPolicy: {
        loadBalancer: { algorithm: { kind: "round-robin" } },
        ports: { 8080: maglev({ kind: "header", name: "x-user" }) },
      },
    },
  );
  const headers = { "x-user": "same" };
  for (let round = 0; round < 10; round++)
    await send(proxy.port, { host: "reviews:8080", headers });
  assert.deepEqual(apps.map(({ seen }) => seen.length).sort(), [0, 10]);
  for (let round = 0; round < 10; round++) await send(proxy.port, { host: "reviews:80", headers });
  assert.deepEqual(
    apps.map(({ seen }) => seen.length).sort((a, b) => a - b),
    [5, 15],
  );
  const none = await send(proxy.port, { host: "reviews:9999", headers });
  assert.deepEqual([none.status, none.headers["x-heddle-flags"]], [404, "NR"]);
  assert.match(
    none.body.toString(),
    /no port 9999 is declared; there are 80 \(http\), 8080 \(http\)/,
  );
});
