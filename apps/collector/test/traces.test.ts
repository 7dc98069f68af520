import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecentRequestsResponse, TraceResponse } from "@heddle/contracts";
import { startDatabase, waitFor } from "@heddle/testkit";
import { push, type SentSpan, spansBody } from "./proxy-like.ts";
import { runCollector } from "./running-collector.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

for (const format of ["protobuf", "json"] as const) {
  test(`finds a trace and an edge's recent requests pushed as ${format}`, async (t) => {
    const database = await startDatabase(t);
    const collector = await runCollector(t, database.url);
    const startMs = Date.now() - 500;
    const spans: SentSpan[] = [
      {
        traceId: TRACE,
        spanId: "b7ad6b7169203331",
        kind: "client",
        from: "shop/web",
        to: "shop/reviews-v1",
        startMs,
        durationMs: 12.5,
        status: 503,
        path: "/reviews/1",
      },
      {
        traceId: TRACE,
        spanId: "ff00000000000001", // negative as a bigint
        parentSpanId: "b7ad6b7169203331",
        kind: "server",
        from: "shop/web",
        to: "shop/reviews-v1",
        startMs: startMs + 1,
        durationMs: 10,
        status: 503,
        path: "/reviews/1",
      },
    ];
    const type = format === "json" ? "application/json" : "application/x-protobuf";
    const body = spansBody(spans, format);
    const sent = await push(collector.otlpPort, "traces", body, { "content-type": type });
    assert.equal(sent.status, 200);
    const trace = await waitFor("the trace is stored", 5000, async () =>
      collector.json<TraceResponse>(`/api/v1/traces/${TRACE}`),
    );
    assert.deepEqual(
      trace.spans.map(({ spanId, parentSpanId, kind, durationUs, status, httpStatus }) => [
        spanId,
        parentSpanId,
        kind,
        durationUs,
        status,
        httpStatus,
      ]),
      [
        ["b7ad6b7169203331", undefined, "client", 12_500, "error", 503],
        ["ff00000000000001", "b7ad6b7169203331", "server", 10_000, "error", 503],
      ],
    );
    const id = encodeURIComponent("workload/shop/web->workload/shop/reviews-v1");
    const recent = await collector.json<RecentRequestsResponse>(`/api/v1/edges/${id}/requests`);
    assert.equal(recent.requests.length, 1);
    const [request] = recent.requests;
    assert.equal(request?.traceId, TRACE);
    assert.equal(request?.path, "/reviews/1");
    assert.equal(request?.durationMs, 12.5);
    assert.equal(request?.failed, true);
    assert.equal(request?.flags, undefined);
  });
}

test("says that a trace is unknown, and what a trace id looks like", async (t) => {
  const database = await startDatabase(t);
  const collector = await runCollector(t, database.url);
  const unknown = await collector.get(`/api/v1/traces/${TRACE}`);
  assert.equal(unknown.status, 404);
  assert.equal(unknown.headers.get("content-type"), "application/problem+json");
  assert.equal((await collector.get("/api/v1/traces/zz")).status, 400);
});
