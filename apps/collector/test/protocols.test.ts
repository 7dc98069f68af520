import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { GraphSnapshot, SeriesResponse } from "@heddle/contracts";
import { startDatabase, waitFor } from "@heddle/testkit";
import { type MetricsWindow, metricsBody, push } from "./proxy-like.ts";
import { runCollector, type TestCollector } from "./running-collector.ts";

const TO_DB = "workload/shop/cart->workload/shop/db";

type Counts = Omit<MetricsWindow, "proxy" | "startMs" | "endMs" | "counted"> &
  Partial<Pick<MetricsWindow, "counted">>;

/** A collector that takes one window of a second a call; the last one ended at the last full second. */
async function collecting(t: TestContext, seconds: number) {
  const database = await startDatabase(t);
  const collector = await runCollector(t, database.url);
  let endMs = Math.floor(Date.now() / 1000) * 1000 - (seconds - 1) * 1000;
  const send = async (byProxy: Readonly<Record<string, Counts>>) => {
    for (const [proxy, counts] of Object.entries(byProxy)) {
      const window = { counted: [], ...counts, proxy, startMs: endMs - 1000, endMs };
      const response = await push(collector.otlpPort, "metrics", metricsBody(window));
      assert.equal(response.status, 200);
      assert.equal((await response.text()).length, 0, "nothing is rejected");
    }
    endMs += 1000;
  };
  return { database, collector, send };
}

function edgeOf(graph: GraphSnapshot, id: string) {
  const edge = graph.edges.find((each) => each.id === id);
  assert.ok(edge, `no edge ${id} among ${graph.edges.map((each) => each.id).join(", ") || "none"}`);
  return edge;
}

/** Health is judged each second. */
async function judged(collector: TestCollector, id: string, verdict: string): Promise<void> {
  await waitFor(verdict, 3_000, async () => {
    const { state, reason } = edgeOf(await collector.graph(), id).health;
    return `${state}: ${reason}` === verdict;
  });
}

test("an edge of opaque connections has exact rates, bytes each way and open connections", async (t) => {
  const { collector, send } = await collecting(t, 10);
  const between = { from: "shop/cart", to: "shop/db" };
  for (let second = 1; second <= 10; second++) {
    const bytes = { sentBytes: 5_000, receivedBytes: 100 };
    const tcp = { ...between, opened: 3, closed: 2, open: second, ...bytes };
    await send({
      a: { tcp: [{ ...tcp, reporter: "source" }] },
      b: { tcp: [{ ...tcp, reporter: "destination" }] },
    });
  }
  const edge = edgeOf(await collector.graph("?windowMs=10000"), TO_DB);
  assert.equal(edge.protocol, "tcp");
  assert.deepEqual(edge.tcp, {
    opened: 30,
    openedPerSecond: 3,
    failed: 0,
    open: 10,
    sentBytesPerSecond: 100, // what the caller sent is what the destination received
    receivedBytesPerSecond: 5_000,
  });
  assert.equal(edge.signals.requests, 0);
  assert.equal(edge.mtlsRatio, 1);
  await judged(collector, TO_DB, "healthy: None of 30 connections failed");
  assert.deepEqual(edge.failures, []);
});

test("a WebSocket counts as a request, and the time it was open as no latency", async (t) => {
  const { collector, send } = await collecting(t, 10);
  const between = { from: "shop/cart", to: "shop/db", reporter: "destination" } as const;
  for (let second = 1; second <= 10; second++) {
    await send({
      b: {
        counted: [
          { ...between, code: 200, latenciesMs: [4, 4] },
          { ...between, code: 101, latenciesMs: [60_000] },
        ],
      },
    });
  }
  const { signals } = edgeOf(await collector.graph("?windowMs=10000"), TO_DB);
  assert.equal(signals.requests, 30);
  assert.ok(
    signals.p99Ms !== undefined && signals.p99Ms < 5,
    `p99 ${signals.p99Ms} ms of requests that took 4 ms`,
  );
});

test("connections that stay open keep their edge healthy, and say how they came", async (t) => {
  const { collector, send } = await collecting(t, 40);
  const between = { from: "10.0.0.9", to: "shop/db", reporter: "destination" } as const;
  await send({ b: { tcp: [{ ...between, opened: 2, open: 2 }] } });
  for (let second = 2; second <= 40; second++) {
    await send({ b: { tcp: [{ ...between, open: 2 }] } });
  }
  const graph = await collector.graph("?windowMs=30000");
  assert.ok(
    graph.asOfMs > Date.now() - 3_000,
    "connections that only stand open hold nothing back",
  );
  const edge = edgeOf(graph, "outside/10.0.0.9->workload/shop/db");
  assert.equal(edge.protocol, "tcp");
  assert.deepEqual([edge.tcp?.opened, edge.tcp?.open], [0, 2]);
  await judged(collector, edge.id, "healthy: 2 connections open, none new");
  assert.equal(edge.mtlsRatio, 0);
  const { callers } = await collector.json<{ callers: { sourceAddress: string }[] }>(
    "/api/v1/plaintext-callers?namespace=shop&workload=db&windowMs=30000",
  );
  assert.deepEqual(
    callers.map(({ sourceAddress }) => sourceAddress),
    ["10.0.0.9"],
  );
});

test("connections that found no other end are failures, and make the edge fail", async (t) => {
  const { collector, send } = await collecting(t, 10);
  const refused = { from: "shop/cart", to: "shop/db", reporter: "source", opened: 4 } as const;
  for (let second = 1; second <= 10; second++) {
    await send({
      a: {
        tcp: [
          { ...refused, closed: 4, flags: "UF", failedBy: "network" },
          { ...refused, opened: 1, closed: 1, flags: "UO", failedBy: "outbound-proxy" },
          { ...refused, opened: 7, closed: 7, flags: "DC" }, // their callers left
        ],
      },
    });
  }
  const edge = edgeOf(await collector.graph("?windowMs=10000"), TO_DB);
  assert.deepEqual([edge.tcp?.opened, edge.tcp?.failed, edge.tcp?.open], [0, 50, 0]);
  assert.deepEqual(edge.failures, [
    { failedBy: "network", flags: "UF", code: 0, count: 40 },
    { failedBy: "outbound-proxy", flags: "UO", code: 0, count: 10 },
  ]);
  assert.deepEqual(edge.whoFailed, { app: 0, outboundProxy: 0, inboundProxy: 0, network: 0 });
  await judged(collector, TO_DB, "failing: 100 % of 50 connections failed");
});

test("gRPC failures are errors by their status, told by hop, flag, code and status", async (t) => {
  const { collector, send } = await collecting(t, 1);
  const call = { from: "shop/web", to: "shop/quotes", reporter: "source" } as const;
  const some = (count: number) => Array.from({ length: count }, () => 5);
  await send({
    a: {
      counted: [
        { ...call, grpcStatus: "0", latenciesMs: some(90) },
        { ...call, grpcStatus: "5", latenciesMs: some(4) }, // NOT_FOUND: an answer
        { ...call, grpcStatus: "13", failedBy: "app", latenciesMs: some(3) },
        {
          ...call,
          grpcStatus: "14",
          flags: "UH",
          failedBy: "outbound-proxy",
          latenciesMs: some(2),
        },
        { ...call, grpcStatus: "", flags: "UC", failedBy: "network", latenciesMs: some(1) },
        { ...call, code: 503, latenciesMs: [], failedBy: "network" },
      ],
    },
  });
  const edge = edgeOf(await collector.graph(), "workload/shop/web->workload/shop/quotes");
  assert.equal(edge.protocol, "grpc");
  assert.deepEqual([edge.signals.requests, edge.signals.errors], [100, 6]);
  assert.deepEqual(edge.whoFailed, { app: 3, outboundProxy: 2, inboundProxy: 0, network: 1 });
  assert.deepEqual(edge.failures, [
    { failedBy: "app", flags: "-", code: 200, grpcStatus: "13", count: 3 },
    { failedBy: "outbound-proxy", flags: "UH", code: 200, grpcStatus: "14", count: 2 },
    { failedBy: "network", flags: "UC", code: 200, count: 1 },
  ]);
});

test("kinds of failure add up to the errors of their hop, in both views", async (t) => {
  const { collector, send } = await collecting(t, 1);
  const fail = (to: string, code: number, failedBy: string, flags: string, count: number) => ({
    ...{ from: "shop/web", to, reporter: "source" as const, code, failedBy, flags },
    latenciesMs: Array.from({ length: count }, () => 1),
  });
  await send({
    a: {
      counted: [
        fail("shop/reviews-v1", 503, "network", "UF", 7),
        fail("shop/reviews-v1", 503, "network", "UC", 2),
        fail("shop/reviews-v2", 503, "network", "UF", 5),
        fail("shop/reviews-v2", 500, "app", "-", 11),
        fail("shop/reviews-v2", 0, "", "DC", 1),
      ],
    },
  });
  const edge = edgeOf(
    await collector.graph("?view=service"),
    "service/shop/web->service/shop/reviews",
  );
  assert.deepEqual(edge.whoFailed, { app: 12, outboundProxy: 0, inboundProxy: 0, network: 14 });
  assert.deepEqual(edge.failures, [
    { failedBy: "network", flags: "UF", code: 503, count: 12 },
    { failedBy: "app", flags: "-", code: 500, count: 11 },
    { failedBy: "network", flags: "UC", code: 503, count: 2 },
    { failedBy: "app", flags: "DC", code: 0, count: 1 },
  ]);
});

test("retries, copies and injected faults are counted on the edge they concern", async (t) => {
  const { collector, send } = await collecting(t, 1);
  const call = { from: "shop/web", to: "shop/reviews-v1", reporter: "source" } as const;
  const event = (name: string, to: string, outcome: string, count: number) => ({
    ...{ name, from: "shop/web", to, outcome, count },
  });
  await send({
    a: {
      counted: [
        { ...call, latenciesMs: [1, 2, 3, 4] },
        { ...call, code: 503, flags: "FI", failedBy: "outbound-proxy", latenciesMs: [0.1, 0.1] },
        { ...call, flags: "DI", latenciesMs: [100] },
      ],
      events: [
        event("heddle_retries_total", "shop/reviews-v1", "retried", 3),
        event("heddle_retries_total", "shop/reviews-v1", "limit_reached", 9),
        event("heddle_mirrored_requests_total", "shop/reviews-v3", "answered", 5),
        event("heddle_mirrored_requests_total", "shop/reviews-v3", "failed", 1),
        event("heddle_mirrored_requests_total", "shop/reviews-v3", "dropped", 2),
        event("heddle_rate_limit_total", "shop/reviews-v1", "limited", 2),
      ],
    },
    b: {
      counted: [{ ...call, to: "shop/reviews-v3", reporter: "destination", latenciesMs: [7, 7] }],
    },
  });
  const graph = await collector.graph();
  const edge = edgeOf(graph, "workload/shop/web->workload/shop/reviews-v1");
  assert.deepEqual(edge.events, { retries: 3, mirrored: 0, faultsInjected: 3 });
  const mirror = edgeOf(graph, "workload/shop/web->workload/shop/reviews-v3");
  assert.deepEqual(mirror.events, { retries: 0, mirrored: 6, faultsInjected: 0 });
  assert.equal(mirror.signals.requests, 2); // as the mirror's own proxy counted them
});

test("a service outside, known by a ServiceEntry or not, stands on the graph by its host", async (t) => {
  const { collector, send } = await collecting(t, 1);
  const out = { from: "shop/web", reporter: "source", latenciesMs: [9] } as const;
  await send({
    a: {
      counted: [{ ...out, to: "unknown/unknown", host: "api.example.com" }],
      tcp: [
        {
          from: "shop/web",
          to: "unknown/unknown",
          host: "db.example",
          reporter: "source",
          opened: 1,
        },
      ],
      events: [
        {
          name: "heddle_retries_total",
          from: "shop/web",
          to: "shop/payments-outside",
          host: "api.example.com",
          outcome: "retried",
          count: 2,
        },
      ],
    },
  });
  const graph = await collector.graph();
  assert.equal(
    edgeOf(graph, "workload/shop/web->external/api.example.com").events?.retries,
    2,
    "its endpoints are called like the ServiceEntry",
  );
  const external = graph.nodes.filter(({ kind }) => kind === "external");
  assert.deepEqual(external.map(({ id, label }) => [id, label]).toSorted(), [
    ["external/api.example.com", "api.example.com"],
    ["external/db.example", "db.example"],
  ]);
});

test("connections and kinds of failure outlive the collector, in windows and in series", async (t) => {
  const { database, collector, send } = await collecting(t, 20);
  const tcp = { from: "shop/cart", to: "shop/db", reporter: "source" } as const;
  const call = { from: "shop/cart", to: "shop/db", reporter: "source", grpcStatus: "14" } as const;
  for (let second = 1; second <= 20; second++) {
    await send({
      a: {
        tcp: [{ ...tcp, opened: 2, open: 4, sentBytes: 1_000, receivedBytes: 10 }],
        counted: [{ ...call, flags: "UF", failedBy: "network", latenciesMs: [1] }],
      },
    });
  }
  await collector.stop();

  const next = await runCollector(t, database.url);
  const edge = await waitFor("the last second is over", 3_000, async () => {
    const found = edgeOf(await next.graph("?windowMs=60000"), TO_DB);
    return found.tcp?.opened === 40 && found;
  });
  assert.equal(edge.tcp?.open, 0); // no proxy has said yet who is open
  assert.deepEqual(edge.failures, [
    { failedBy: "network", flags: "UF", code: 200, grpcStatus: "14", count: 20 },
  ]);
  assert.equal(edge.protocol, "grpc");
  await waitFor("series know it, too", 5_000, async () => {
    const path = `/api/v1/edges/${encodeURIComponent(TO_DB)}/series?stepMs=10000`;
    const { points } = await next.json<SeriesResponse>(path);
    const opened = points.reduce((sum, { tcp: part }) => sum + (part?.opened ?? 0), 0);
    const errors = points.reduce((sum, point) => sum + point.errors, 0);
    return opened === 40 && errors === 20;
  });
});
