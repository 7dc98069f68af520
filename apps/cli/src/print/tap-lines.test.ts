import assert from "node:assert/strict";
import { test } from "node:test";
import type { TapEvent } from "@heddle/contracts";
import { TapLines, TapSummary } from "./tap-lines.ts";

const AT_MS = new Date(2026, 10, 22, 14, 20, 31, 123).getTime();

function event(over: Partial<TapEvent> = {}): TapEvent {
  return {
    ...{ kind: "request", atMs: AT_MS, durationMs: 3.21, direction: "inbound" },
    source: { workload: "shop/web-v1", service: "web" },
    destination: { workload: "shop/reviews-v2", service: "reviews" },
    ...{ protocol: "HTTP/1.1", method: "GET", path: "/reviews/7", status: 200, flags: "-" },
    ...{ security: "mutual_tls", isTraced: false, headers: {} },
    ...over,
  };
}

const plain = (_: string, text: string) => text;

test("prints a request that went well on one line, and of one that failed by whom and the trace", () => {
  const lines = new TapLines(plain);
  assert.equal(
    lines.line(event()),
    "14:20:31.123  200    3.2 ms  web-v1   → reviews-v2  GET   /reviews/7",
  );
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  assert.match(
    lines.line(
      event({
        status: 503,
        flags: "UF",
        failedBy: "network",
        attempts: 3,
        isTraced: true,
        traceId,
      }),
    ),
    new RegExp(`503 UF .*\\(failed by network, 3 tries, trace ${traceId}\\)$`),
  );
});

test("columns stay aligned after a longer name has come", () => {
  const lines = new TapLines(plain);
  const long = lines.line(event({ source: { workload: "shop/recommendations-v31" } }));
  assert.equal(lines.line(event()).indexOf("→"), long.indexOf("→"));
});

test("shows what a terminal would obey instead of sending it there", () => {
  const line = new TapLines(plain).line(event({ path: "/a\u001b[2J\u0007b" }));
  assert.ok(line.endsWith("/a\\u001b[2J\\u0007b"), line);
});

test("says a gRPC call by its status and a connection by what became of it", () => {
  const lines = new TapLines(plain);
  assert.match(lines.line(event({ grpcStatus: "14" })), /grpc 14/);
  const { method: _, path: _p, ...tcp } = event({ kind: "connection-closed" });
  const closed = { ...tcp, requestBytes: 5, responseBytes: 7 };
  assert.match(lines.line(closed), /closed .* TCP +\(5 bytes up, 7 down\)$/);
});

test("sums up by status with exact quantiles, and says what was not shown", () => {
  const summary = new TapSummary();
  assert.equal(summary.words(), "no request");
  for (let ms = 1; ms <= 100; ms++) summary.note(event({ durationMs: ms }));
  summary.note(event({ status: 503, flags: "UF", durationMs: 1 }));
  summary.note(event({ status: 101, durationMs: 3_600_000 })); // a WebSocket's life is no latency
  summary.miss(37);
  assert.equal(
    summary.words(),
    "102 requests: 1 × 101, 100 × 200, 1 × 503 UF; p50 50 ms, p95 95 ms; 37 not shown",
  );
});
