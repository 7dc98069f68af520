import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { startDatabase } from "@heddle/testkit";
import { DEFAULT_LIMITS } from "../src/collector.ts";
import { metricsBody, push, spansBody } from "./proxy-like.ts";
import { runCollector } from "./running-collector.ts";

function oneWindow(proxy = "a") {
  const endMs = Date.now();
  return {
    proxy,
    startMs: endMs - 1000,
    endMs,
    counted: [
      { from: "shop/web", to: "shop/cart", reporter: "source" as const, latenciesMs: [3, 4] },
    ],
  };
}

for (const [encoding, compress] of [
  ["gzip", gzipSync],
  ["deflate", deflateSync],
] as const) {
  test(`takes ${encoding}`, async (t) => {
    const collector = await runCollector(t, (await startDatabase(t)).url);
    const body = compress(metricsBody(oneWindow()));
    const headers = { "content-encoding": encoding };
    assert.equal((await push(collector.otlpPort, "metrics", body, headers)).status, 200);
    assert.equal((await collector.graph()).edges.length, 1);
  });
}

test("refuses a body that decompresses past the limit", async (t) => {
  const collector = await runCollector(t, (await startDatabase(t)).url);
  const bomb = gzipSync(Buffer.alloc(DEFAULT_LIMITS.ingest.maxDecodedBytes + 1));
  const headers = { "content-encoding": "gzip" };
  const response = await push(collector.otlpPort, "metrics", bomb, headers);
  assert.equal(response.status, 413);
  assert.match(await response.text(), /decompresses to more than 67108864 bytes/);
});

test("refuses a body above the limit, with or without a declared length", async (t) => {
  const ingest = { ...DEFAULT_LIMITS.ingest, maxBodyBytes: 1000 };
  const collector = await runCollector(t, (await startDatabase(t)).url, {
    ...DEFAULT_LIMITS,
    ingest,
  });
  const response = await push(collector.otlpPort, "metrics", new Uint8Array(1001));
  assert.equal(response.status, 413);
  const chunked = await fetch(`http://127.0.0.1:${collector.otlpPort}/v1/metrics`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf" },
    body: new Blob([new Uint8Array(2000)]).stream(),
    duplex: "half",
  });
  assert.equal(chunked.status, 413);
});

test("answers 429 with Retry-After while the ingest queue is full, and counts it", async (t) => {
  const ingest = { ...DEFAULT_LIMITS.ingest, maxWaitingBytes: 100 };
  const collector = await runCollector(t, (await startDatabase(t)).url, {
    ...DEFAULT_LIMITS,
    ingest,
  });
  const response = await push(collector.otlpPort, "metrics", metricsBody(oneWindow()));
  assert.equal(response.status, 429);
  assert.equal(response.headers.get("retry-after"), "1");
  const name = 'heddle_collector_requests_total{signal="metrics",status="429"}';
  assert.equal(await collector.metric(name), 1);
});

test("takes what it can of a push and says how much it left and why", async (t) => {
  const collector = await runCollector(t, (await startDatabase(t)).url);
  const old = { ...oneWindow(), startMs: 1000, endMs: 2000 };
  const type = { "content-type": "application/json" };
  const response = await push(collector.otlpPort, "metrics", metricsBody(old, "json"), type);
  assert.equal(response.status, 200);
  const { partialSuccess } = (await response.json()) as {
    partialSuccess: { rejectedDataPoints: string; errorMessage: string };
  };
  assert.equal(partialSuccess.rejectedDataPoints, "3");
  assert.match(partialSuccess.errorMessage, /timeUnixNano is more than 600 s old/);
});

test("drops the oldest spans when the database is away and the queue is full, and counts them", async (t) => {
  const database = "postgresql://nobody@127.0.0.1:9/none"; // the discard port: nobody listens
  const collector = await runCollector(t, database, {
    ...DEFAULT_LIMITS,
    spans: { maxSpans: 100, maxBytes: 1_000_000 },
  });
  const spans = Array.from({ length: 150 }, (_, i) => ({
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: (i + 1).toString(16).padStart(16, "0"),
    kind: "client" as const,
    from: "shop/web",
    to: "shop/cart",
    startMs: Date.now(),
    durationMs: 1,
    status: 200,
    path: "/",
  }));
  assert.equal((await push(collector.otlpPort, "traces", spansBody(spans))).status, 200);
  assert.equal(await collector.metric("heddle_collector_dropped_spans_total"), 50);
  assert.equal(await collector.metric("heddle_collector_queued_spans"), 100);
  // The graph goes on without a database.
  await push(collector.otlpPort, "metrics", metricsBody(oneWindow()));
  assert.equal((await collector.graph()).edges.length, 1);
});

const refusals = [
  ["another path", "/v2/metrics", "POST", "application/x-protobuf", 404, /\/v1\/metrics/],
  ["another method", "/v1/metrics", "PUT", "application/x-protobuf", 405, /POST/],
  ["another type", "/v1/metrics", "POST", "text/plain", 415, /application\/json/],
  ["what is not protobuf", "/v1/metrics", "POST", "application/x-protobuf", 400, /byte/],
  ["what is not JSON", "/v1/traces", "POST", "application/json", 400, /not JSON/],
] as const;
for (const [what, path, method, type, status, message] of refusals) {
  test(`refuses ${what} in words`, async (t) => {
    const collector = await runCollector(t, (await startDatabase(t)).url);
    const response = await fetch(`http://127.0.0.1:${collector.otlpPort}${path}`, {
      method,
      headers: { "content-type": type },
      body: Buffer.from([10, 200, 1]),
    });
    assert.equal(response.status, status);
    assert.match(await response.text(), message);
  });
}

test("answers queries only to those who hold a token", async (t) => {
  const collector = await runCollector(t, (await startDatabase(t)).url);
  const base = `http://127.0.0.1:${collector.adminPort}`;
  for (const path of ["/api/v1/graph", "/api/v1/graph/stream", "/api/v1/timeline"]) {
    assert.equal((await fetch(base + path)).status, 401);
    const bad = { headers: { authorization: "Bearer abc.def.ghi" } };
    assert.equal((await fetch(base + path, bad)).status, 401);
  }
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    assert.equal((await fetch(base + path)).status, 200);
  }
});

test("names every wrong field of a query, its value and what is allowed", async (t) => {
  const collector = await runCollector(t, (await startDatabase(t)).url);
  const response = await collector.get("/api/v1/graph?windowMs=5&view=pod&colour=red");
  assert.equal(response.status, 400);
  const problem = (await response.json()) as { errors: { field: string; message: string }[] };
  assert.deepEqual(problem.errors.map(({ field }) => field).sort(), ["colour", "view", "windowMs"]);
  const message = problem.errors.find(({ field }) => field === "windowMs")?.message;
  assert.equal(message, 'expected milliseconds, 10000 (10 s) to 3600000 (1 h) (is "5")');
});
