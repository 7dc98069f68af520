import assert from "node:assert/strict";
import { test } from "node:test";
import type { GraphSnapshot } from "@heddle/contracts";
import { TrafficTally, workloadNode } from "@heddle/mesh";
import {
  ensurePartitions,
  openTelemetryDb,
  registerCollector,
  saveEdgeBuckets,
  saveEdges,
} from "@heddle/store";
import { startDatabase } from "@heddle/testkit";
import { metricsBody, push } from "./proxy-like.ts";
import { runCollector } from "./running-collector.ts";

const HOUR_MS = 3_600_000;
const STEP_MS = 10_000;
const TO_CART = "workload/shop/web->workload/shop/cart";
const node = (workload: string) =>
  workloadNode({ namespace: "shop", workload, service: workload, version: undefined });

/** Ten requests in each 10 s of [fromMs, toMs) from web to cart; from `failFromMs` on half of them fail. */
async function writeHistory(url: string, fromMs: number, toMs: number, failFromMs: number) {
  const db = openTelemetryDb(url, { maxConnections: 1, onIdleError: () => undefined });
  const [edgeId = 0] = await saveEdges(db, [
    {
      source: node("web"),
      destination: node("cart"),
      sourcePrincipal: undefined,
      isSourceReported: true,
      lastRequestMs: toMs,
    },
  ]);
  const buckets = [];
  for (let startMs = fromMs; startMs < toMs; startMs += STEP_MS) {
    const tally = new TrafficTally();
    tally.requests = 10;
    if (startMs >= failFromMs) tally.addErrors("app", 5);
    tally.latency.record(20, 10);
    buckets.push({ edgeId, startMs, tally });
  }
  await ensurePartitions(
    db,
    "edge_10s",
    buckets.map(({ startMs }) => startMs),
  );
  await saveEdgeBuckets(db, await registerCollector(db), buckets, new Map());
  await db.close();
}

function edgeOf({ edges }: GraphSnapshot) {
  const edge = edges.find(({ id }) => id === TO_CART);
  assert.ok(edge, "web calls cart");
  return edge;
}

test("shows the graph of hours ago, with the health and the since of then", async (t) => {
  const { url } = await startDatabase(t);
  const failMs = Math.floor(Date.now() / STEP_MS) * STEP_MS - 5 * HOUR_MS;
  await writeHistory(url, failMs - 600_000, failMs + 600_000, failMs);
  const collector = await runCollector(t, url);
  const at = (atMs: number) => collector.graph(`?windowMs=30000&atMs=${atMs}`);

  const before = await at(failMs);
  assert.deepEqual([before.asOfMs, before.windowMs], [failMs, 30_000]);
  assert.deepEqual([edgeOf(before).signals.requests, edgeOf(before).signals.errors], [30, 0]);
  assert.equal(edgeOf(before).health.state, "healthy");
  assert.equal(before.totals.requestsPerSecond, 1);

  const after = edgeOf(await at(failMs + 120_000));
  assert.equal(after.signals.errorRatio, 0.5);
  assert.equal(after.health.state, "failing");
  assert.ok(
    after.health.sinceMs > failMs && after.health.sinceMs <= failMs + 30_000,
    `failing since ${after.health.sinceMs - failMs} ms after it began`,
  );
  assert.deepEqual((await at(failMs + 2 * HOUR_MS)).edges, [], "nobody called anybody then");
});

test("shows the graph of a minute ago from memory, in both views, and names a moment it cannot read", async (t) => {
  const { url } = await startDatabase(t);
  const collector = await runCollector(t, url);
  const endMs = Math.floor(Date.now() / STEP_MS) * STEP_MS - 6 * STEP_MS;
  const window = { proxy: "a", startMs: endMs - 1000, endMs };
  const latenciesMs = new Array<number>(40).fill(10);
  const counted = [{ from: "shop/web", to: "shop/cart", reporter: "source" as const, latenciesMs }];
  await push(collector.otlpPort, "metrics", metricsBody({ ...window, counted }));

  const then = await collector.graph(`?windowMs=30000&atMs=${endMs}`);
  assert.equal(edgeOf(then).signals.requests, 40);
  const services = await collector.graph(`?windowMs=30000&view=service&atMs=${endMs}`);
  assert.deepEqual(
    services.edges.map(({ id }) => id),
    ["service/shop/web->service/shop/cart"],
  );
  const later = await collector.graph(`?windowMs=30000&atMs=${endMs + 4 * STEP_MS}`);
  assert.equal(edgeOf(later).signals.requests, 0, "known, and quiet by then");
  const refused = await collector.get("/api/v1/graph?atMs=yesterday");
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /atMs: expected milliseconds since 1970/);
});
