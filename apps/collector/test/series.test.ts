import assert from "node:assert/strict";
import { test } from "node:test";
import type { SeriesResponse } from "@heddle/contracts";
import { TrafficTally, workloadNode } from "@heddle/mesh";
import {
  ensurePartitions,
  findEdgeBuckets,
  openTelemetryDb,
  registerCollector,
  saveEdgeBuckets,
  saveEdges,
  type TelemetryDb,
} from "@heddle/store";
import { startDatabase, waitFor } from "@heddle/testkit";
import { keepHouse } from "../src/ingest/housekeeping.ts";
import { metricsBody, push } from "./proxy-like.ts";
import { runCollector } from "./running-collector.ts";

const HOUR_MS = 3_600_000;
const EDGE = encodeURIComponent("workload/shop/web->workload/shop/cart");
const node = (workload: string) =>
  workloadNode({ namespace: "shop", workload, service: workload, version: undefined });

function openDb(t: { after(end: () => Promise<void>): void }, url: string): TelemetryDb {
  const db = openTelemetryDb(url, { maxConnections: 2, onIdleError: () => undefined });
  t.after(() => db.close());
  return db;
}

/** Ten requests of 20 ms, one of them failed, in each 10 s bucket of [fromMs, toMs), by two collectors. */
async function writeHistory(db: TelemetryDb, fromMs: number, toMs: number): Promise<number> {
  const edge = { source: node("web"), destination: node("cart"), sourcePrincipal: undefined };
  const row = { ...edge, isSourceReported: true, lastRequestMs: toMs };
  const [edgeId = 0] = await saveEdges(db, [row]);
  const starts = [];
  for (let startMs = fromMs; startMs < toMs; startMs += 10_000) starts.push(startMs);
  await ensurePartitions(db, "edge_10s", starts);
  for (const share of [4, 6]) {
    const run = await registerCollector(db);
    const buckets = starts.map((startMs) => {
      const tally = new TrafficTally();
      tally.requests = share;
      if (share === 4) tally.addErrors("app", 1);
      tally.latency.record(20, share);
      return { edgeId, startMs, tally };
    });
    await saveEdgeBuckets(db, run, buckets, new Map());
    await saveEdgeBuckets(db, run, buckets, new Map()); // a flush repeated replaces, never adds
  }
  return edgeId;
}

test("sums minutes and hours up, over all collectors, and again without counting twice", async (t) => {
  const { url } = await startDatabase(t);
  const db = openDb(t, url);
  const nowMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS + 1_800_000;
  const hourMs = nowMs - 1_800_000 - 2 * HOUR_MS;
  const edgeId = await writeHistory(db, hourMs, hourMs + HOUR_MS);
  await keepHouse(db, nowMs);
  await keepHouse(db, nowMs);
  const range = { fromMs: hourMs, toMs: hourMs + HOUR_MS, edgeIds: [edgeId] };
  const minutes = await findEdgeBuckets(db, { tier: "edge_1m", ...range });
  assert.equal(minutes.length, 60);
  for (const { tally } of minutes) {
    assert.deepEqual([tally.requests, tally.errors, tally.latency.count], [60, 6, 60]);
  }
  const [hour, ...others] = await findEdgeBuckets(db, { tier: "edge_1h", ...range });
  assert.equal(others.length, 0);
  assert.equal(hour?.tally.requests, 3600);
});

test("drops partitions past their retention and nothing else", async (t) => {
  const { url } = await startDatabase(t);
  const db = openDb(t, url);
  const nowMs = Date.now();
  const old = Math.floor(nowMs / HOUR_MS) * HOUR_MS - 26 * HOUR_MS;
  const edgeId = await writeHistory(db, old, old + 60_000);
  await writeHistory(db, old + 5 * HOUR_MS, old + 5 * HOUR_MS + 60_000);
  await keepHouse(db, nowMs);
  const rows = await findEdgeBuckets(db, {
    tier: "edge_10s",
    fromMs: 0,
    toMs: nowMs,
    edgeIds: [edgeId],
  });
  assert.equal(new Set(rows.map((row) => row.startMs)).size, 6);
  assert.ok(rows.every((row) => row.startMs >= old + 5 * HOUR_MS));
});

test("joins what memory holds and what the tiers hold into one series", async (t) => {
  const { url } = await startDatabase(t);
  const db = openDb(t, url);
  const nowMs = Date.now();
  const minuteMs = Math.floor(nowMs / 60_000) * 60_000;
  await writeHistory(db, minuteMs - 3 * HOUR_MS, minuteMs - 60_000);
  await keepHouse(db, nowMs);
  const collector = await runCollector(t, url);
  const query = `fromMs=${minuteMs - 2 * HOUR_MS}&toMs=${minuteMs - 60_000}&stepMs=600000`;
  const { stepMs, points } = await collector.json<SeriesResponse>(
    `/api/v1/edges/${EDGE}/series?${query}`,
  );
  assert.equal(stepMs, 600_000);
  const whole = points.slice(1, -1);
  assert.ok(whole.length >= 10, String(whole.length));
  for (const point of whole) {
    assert.deepEqual([point.requests, point.errors, point.requestsPerSecond], [600, 60, 1]);
    assert.ok(Math.abs((point.p95Ms ?? 0) / 20 - 1) < 0.022);
  }
});

test("answers the last minute in seconds, each with the requests of that second", async (t) => {
  const { url } = await startDatabase(t);
  const collector = await runCollector(t, url);
  const startMs = Math.floor(Date.now() / 1000) * 1000;
  for (const [i, requests] of [3, 5, 7].entries()) {
    const window = { proxy: "a", startMs: startMs + i * 1000, endMs: startMs + (i + 1) * 1000 };
    const latenciesMs = new Array<number>(requests).fill(10);
    const counted = [
      { from: "shop/web", to: "shop/cart", reporter: "source" as const, latenciesMs },
    ];
    await push(collector.otlpPort, "metrics", metricsBody({ ...window, counted }));
  }
  const path = `/api/v1/nodes/${encodeURIComponent("workload/shop/cart")}/series`;
  const until = startMs + 3000;
  // A second later: when the proxy counts as silent, the end of the window moves back to what is sure without it.
  await waitFor(
    "the seconds are over",
    20_000,
    async () => (await collector.graph()).asOfMs >= until + 1000,
  );
  const { points } = await collector.json<SeriesResponse>(
    `${path}?fromMs=${startMs}&toMs=${until}&stepMs=1000`,
  );
  assert.deepEqual(
    points.map(({ startMs: at, requests }) => [at - startMs, requests]),
    [
      [0, 3],
      [1000, 5],
      [2000, 7],
    ],
  );
  const timeline = await collector.json<SeriesResponse>("/api/v1/timeline");
  assert.equal(
    timeline.points.reduce((sum, point) => sum + point.requests, 0),
    15,
  );
});

test("gives a step that is not over the rate of what it has had until then", async (t) => {
  const { url } = await startDatabase(t);
  const collector = await runCollector(t, url);
  const startMs = Math.floor(Date.now() / 1000) * 1000;
  const latenciesMs = new Array<number>(20).fill(10);
  const counted = [{ from: "shop/web", to: "shop/cart", reporter: "source" as const, latenciesMs }];
  for (let i = 0; i < 4; i++) {
    const window = { proxy: "a", startMs: startMs + i * 1000, endMs: startMs + (i + 1) * 1000 };
    await push(collector.otlpPort, "metrics", metricsBody({ ...window, counted }));
  }
  const endMs = startMs + 4000;
  await waitFor("all is in", 6000, async () => (await collector.graph()).asOfMs >= endMs);
  // A step that begins with the first request and ends amid the traffic, as the last step of "now" does.
  for (const overMs of [1000, 2000, 3000]) {
    const query = `fromMs=${startMs - 60_000}&toMs=${startMs + overMs}&stepMs=10000`;
    const { points } = await collector.json<SeriesResponse>(`/api/v1/timeline?${query}`);
    assert.equal(
      points.reduce((sum, point) => sum + point.requests, 0),
      (20 * overMs) / 1000,
    );
  }
});

test("says which edge is unknown", async (t) => {
  const collector = await runCollector(t, (await startDatabase(t)).url);
  const response = await collector.get("/api/v1/edges/nonsense/series");
  assert.equal(response.status, 404);
  assert.match(await response.text(), /no edge \\"nonsense\\"/);
});
