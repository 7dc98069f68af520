import assert from "node:assert/strict";
import { test } from "node:test";
import type { TraceResponse } from "@heddle/contracts";
import { startDatabaseServer, waitFor } from "@heddle/testkit";
import { metricsBody, push, spansBody } from "./proxy-like.ts";
import { runCollector } from "./running-collector.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const EDGE = "workload/shop/web->workload/shop/cart";

test("loses nothing when the database is killed in mid-stream and comes back", async (t) => {
  const database = await startDatabaseServer(t);
  const collector = await runCollector(t, database.url);
  let endMs = Date.now() - 40_000;
  let sent = 0;
  const send = async () => {
    const startMs = endMs;
    endMs += 1000;
    sent += 1;
    const counted = [
      { from: "shop/web", to: "shop/cart", reporter: "source" as const, latenciesMs: [10, 20] },
    ];
    const window = metricsBody({ proxy: "a", startMs, endMs, counted });
    const span = spansBody([
      {
        traceId: TRACE,
        spanId: sent.toString(16).padStart(16, "0"),
        kind: "client",
        from: "shop/web",
        to: "shop/cart",
        startMs,
        durationMs: 10,
        status: 200,
        path: "/",
      },
    ]);
    assert.equal((await push(collector.otlpPort, "metrics", window)).status, 200);
    assert.equal((await push(collector.otlpPort, "traces", span)).status, 200);
  };
  const written = (count: number) => async () =>
    (await collector.metric("heddle_collector_written_spans_total")) >= count;
  for (let i = 0; i < 10; i++) await send();
  await waitFor("the first spans are written", 5000, written(10));

  process.kill(database.pid, "SIGKILL");
  for (let i = 0; i < 20; i++) await send();
  await waitFor("the collector sees that the database is away", 5000, async () => {
    return (await collector.metric("heddle_collector_database_connected")) === 0;
  });
  const away = await collector.graph("?windowMs=60000");
  assert.equal(away.edges[0]?.signals.requests, 60, "the graph goes on from memory");

  await database.restart();
  for (let i = 0; i < 10; i++) await send();
  // PostgreSQL replays its log first, and a busy machine lets it wait.
  await waitFor("everything is written", 60_000, written(40));
  const trace = await collector.json<TraceResponse>(`/api/v1/traces/${TRACE}`);
  assert.equal(trace.spans.length, 40);
  await waitFor("every bucket is written", 5000, async () => {
    return (await collector.metric("heddle_collector_unsaved_buckets")) === 0;
  });
  await collector.stop();

  const next = await runCollector(t, database.url);
  const edge = (await next.graph("?windowMs=300000")).edges.find(({ id }) => id === EDGE);
  assert.equal(edge?.signals.requests, 80);
});
