import assert from "node:assert/strict";
import { test } from "node:test";
import type { GraphSnapshot } from "@heddle/contracts";
import { findCountedUntil, findPlaintextTraffic, openConfigDb } from "@heddle/store";
import { startDatabase, waitFor } from "@heddle/testkit";
import { metricsBody, push } from "./proxy-like.ts";
import { runCollector } from "./running-collector.ts";

/** 1 to 100 ms, each once: p50 50, p95 95, p99 99. */
const HUNDRED = Array.from({ length: 100 }, (_, i) => i + 1);
const EDGE = "workload/shop/web->workload/shop/reviews-v1";

/** Windows of a second, ending at whole seconds, the last one just over. */
function lastSeconds(count: number): { startMs: number; endMs: number }[] {
  const endMs = Math.floor(Date.now() / 1000) * 1000;
  return Array.from({ length: count }, (_, i) => {
    const end = endMs - (count - 1 - i) * 1000;
    return { startMs: end - 1000, endMs: end };
  });
}

function edgeOf(graph: GraphSnapshot, id: string) {
  const edge = graph.edges.find((each) => each.id === id);
  assert.ok(edge, `no edge ${id} among ${graph.edges.map((each) => each.id).join(", ") || "none"}`);
  return edge;
}

function assertNear(actual: number | undefined, expected: number, ratio: number): void {
  assert.ok(
    actual !== undefined && Math.abs(actual / expected - 1) <= ratio,
    `${actual} is not ${expected}`,
  );
}

for (const format of ["protobuf", "json"] as const) {
  test(`shows the exact counts, rate and p95 of an edge pushed as ${format}`, async (t) => {
    const database = await startDatabase(t);
    const collector = await runCollector(t, database.url);
    for (const window of lastSeconds(10)) {
      const good = { from: "shop/web", to: "shop/reviews-v1", reporter: "source" } as const;
      const body = metricsBody(
        {
          proxy: "proxy-a",
          ...window,
          counted: [
            { ...good, latenciesMs: HUNDRED.slice(0, 90), bytes: 900 },
            { ...good, code: 503, failedBy: "network", latenciesMs: HUNDRED.slice(90), bytes: 100 },
          ],
        },
        format,
      );
      const type = format === "json" ? "application/json" : "application/x-protobuf";
      const response = await push(collector.otlpPort, "metrics", body, { "content-type": type });
      assert.equal(response.status, 200);
      assert.equal((await response.text()).replace("{}", ""), "");
    }
    const edge = edgeOf(await collector.graph("?windowMs=10000"), EDGE);
    assert.equal(edge.signals.requests, 1000);
    assert.equal(edge.signals.errors, 100);
    assert.equal(edge.signals.errorRatio, 0.1);
    assert.equal(edge.signals.requestsPerSecond, 100);
    assert.equal(edge.signals.requestBytesPerSecond, 1000);
    assert.deepEqual(edge.whoFailed, { app: 0, outboundProxy: 0, inboundProxy: 0, network: 100 });
    assertNear(edge.signals.p50Ms, 50, 0.022);
    assertNear(edge.signals.p95Ms, 95, 0.022);
    assertNear(edge.signals.p99Ms, 99, 0.022);
    assert.equal(edge.mtlsRatio, undefined);
  });
}

test("counts a request once though both proxies report it, and a window once though it comes twice", async (t) => {
  const database = await startDatabase(t);
  const collector = await runCollector(t, database.url);
  const [window] = lastSeconds(1);
  assert.ok(window);
  const between = { from: "shop/web", to: "shop/reviews-v1", latenciesMs: HUNDRED };
  const atSource = metricsBody({
    proxy: "proxy-a",
    ...window,
    counted: [{ ...between, reporter: "source" }],
  });
  const atDestination = metricsBody({
    proxy: "proxy-b",
    ...window,
    counted: [{ ...between, reporter: "destination" }],
  });
  for (const body of [atDestination, atSource, atSource, atDestination, atSource]) {
    assert.equal((await push(collector.otlpPort, "metrics", body)).status, 200);
  }
  const edge = edgeOf(await collector.graph(), EDGE);
  assert.equal(edge.signals.requests, 100);
  assert.equal(edge.mtlsRatio, 1);
  assert.equal(edge.sourcePrincipal, "spiffe://cluster.local/ns/shop/sa/web");
});

test("shows a caller without proxy by the destination's count, and as a plaintext caller", async (t) => {
  const database = await startDatabase(t);
  const collector = await runCollector(t, database.url);
  const [window] = lastSeconds(1);
  assert.ok(window);
  const body = metricsBody({
    proxy: "proxy-b",
    ...window,
    counted: [
      { from: "127.0.4.17", to: "shop/shipping", reporter: "destination", latenciesMs: [5, 6, 7] },
    ],
    refused: [{ from: "127.0.4.18", to: "shop/shipping", count: 2 }],
    wouldBeRefused: [{ from: "127.0.4.17", to: "shop/shipping", count: 3 }],
  });
  await push(collector.otlpPort, "metrics", body);
  const graph = await collector.graph();
  const edge = edgeOf(graph, "outside/127.0.4.17->workload/shop/shipping");
  assert.equal(edge.signals.requests, 3);
  assert.equal(edge.mtlsRatio, 0);
  assert.equal(graph.totals.requests, 3);
  const node = graph.nodes.find((each) => each.id === "outside/127.0.4.17");
  assert.equal(node?.health.state, "unknown");
  const { callers } = await collector.json<{
    callers: { sourceAddress: string; requests: number; refused: number }[];
  }>("/api/v1/plaintext-callers?namespace=shop&workload=shipping");
  assert.deepEqual(
    callers
      .map(({ sourceAddress, requests, refused }) => [sourceAddress, requests, refused])
      .sort(),
    [
      ["127.0.4.17", 3, 0],
      ["127.0.4.18", 0, 2],
    ],
  );
  const db = openConfigDb(database.url, () => {});
  t.after(() => db.close());
  const nowMs = Date.now();
  const dryRuns = [{ namespace: "shop", workload: "shipping", sinceMs: nowMs - 60_000 }];
  const query = { namespace: "shop", workload: undefined, windowMs: 300_000, nowMs, dryRuns };
  await waitFor("the database has it", 10_000, async () => {
    const kept = await findPlaintextTraffic(db, query);
    assert.deepEqual(
      kept.map((one) => [one.sourceAddress, one.accepted, one.refused, one.wouldBeRefused]).sort(),
      [
        ["127.0.4.17", 3, 0, 3],
        ["127.0.4.18", 0, 2, 0],
      ],
    );
    return true;
  });
  const aliveMs = await findCountedUntil(db, nowMs);
  assert.ok(aliveMs !== undefined && Math.abs(nowMs - aliveMs) < 60_000, `${aliveMs}`);
});

test("merges versions in the service view", async (t) => {
  const database = await startDatabase(t);
  const collector = await runCollector(t, database.url);
  const [window] = lastSeconds(1);
  assert.ok(window);
  const counted = ["shop/reviews-v1", "shop/reviews-v2"].map((to) => ({
    from: "shop/web",
    to,
    reporter: "source" as const,
    latenciesMs: HUNDRED,
  }));
  await push(collector.otlpPort, "metrics", metricsBody({ proxy: "a", ...window, counted }));
  const graph = await collector.graph("?view=service");
  assert.deepEqual(
    graph.edges.map((edge) => edge.id),
    ["service/shop/web->service/shop/reviews"],
  );
  assert.equal(graph.edges[0]?.signals.requests, 200);
  assertNear(graph.edges[0]?.signals.p95Ms, 95, 0.022);
});

test("sends a new edge on the open stream within a second of its push", async (t) => {
  const database = await startDatabase(t);
  const collector = await runCollector(t, database.url);
  const response = await collector.get("/api/v1/graph/stream");
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert.ok(reader);
  let text = "";
  const seen = (async () => {
    while (!text.includes(`"id":"${EDGE}"`)) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the stream ended");
      text += value;
    }
    return performance.now();
  })();
  const nowMs = Date.now();
  const window = { startMs: nowMs - 1000, endMs: nowMs };
  const counted = [
    { from: "shop/web", to: "shop/reviews-v1", reporter: "source" as const, latenciesMs: [3] },
  ];
  const pushedMs = performance.now();
  await push(collector.otlpPort, "metrics", metricsBody({ proxy: "a", ...window, counted }));
  const tookMs = (await seen) - pushedMs;
  await reader.cancel();
  t.diagnostic(`push to stream: ${Math.round(tookMs)} ms`);
  assert.ok(tookMs < 1000, `${tookMs} ms`);
  assert.match(text, /^event: graph\ndata: \{"asOfMs"/);
});

test("keeps the window and the counts over a restart of the collector", async (t) => {
  const database = await startDatabase(t);
  const first = await runCollector(t, database.url);
  const between = { from: "shop/web", to: "shop/reviews-v1", reporter: "source" } as const;
  const windows = lastSeconds(5);
  const bodies = windows.map((window) =>
    metricsBody({ proxy: "a", ...window, counted: [{ ...between, latenciesMs: HUNDRED }] }),
  );
  for (const body of bodies) await push(first.otlpPort, "metrics", body);
  await first.stop();

  const second = await runCollector(t, database.url);
  // Until it has heard a proxy it takes the running second for incomplete.
  await waitFor("all five seconds are told", 3000, async () => {
    const edge = edgeOf(await second.graph("?windowMs=60000"), EDGE);
    return edge.signals.requests === 500;
  });
  // The proxy did not hear the last answer and sends the window again.
  await push(second.otlpPort, "metrics", bodies.at(-1) ?? new Uint8Array());
  const lastEndMs = windows.at(-1)?.endMs ?? 0;
  const next = { startMs: lastEndMs, endMs: lastEndMs + 1000 };
  const counted = [{ ...between, latenciesMs: HUNDRED }];
  await push(second.otlpPort, "metrics", metricsBody({ proxy: "a", ...next, counted }));
  await waitFor("the new second is complete", 3000, async () => {
    const edge = edgeOf(await second.graph("?windowMs=60000"), EDGE);
    return edge.signals.requests === 600;
  });
  const edge = edgeOf(await second.graph("?windowMs=60000"), EDGE);
  assertNear(edge.signals.p95Ms, 95, 0.022);
});
