import assert from "node:assert/strict";
import { test } from "node:test";
import type { FailureKindWire, GraphEdge } from "@heddle/contracts";
import { failuresOf, hopInWords } from "./failed-hops.ts";

function kind(parts: Partial<FailureKindWire>): FailureKindWire {
  return { failedBy: "app", flags: "-", code: 500, count: 1, ...parts };
}

const edge: GraphEdge = {
  id: "a->b",
  source: "a",
  destination: "b",
  protocol: "http",
  health: { state: "failing", sinceMs: 0, reason: "" },
  signals: {
    requests: 126,
    requestsPerSecond: 4.2,
    errors: 11,
    requestBytesPerSecond: 0,
    responseBytesPerSecond: 0,
  },
  whoFailed: { app: 10, outboundProxy: 1, inboundProxy: 0, network: 0 },
  failures: [
    kind({ count: 10 }),
    kind({ failedBy: "outbound-proxy", flags: "FI", code: 503, count: 1 }),
  ],
  lastRequestMs: 0,
};

test("every hop is listed, also those that failed nothing", () => {
  const { failed, tried, hops, injected } = failuresOf(edge);
  assert.deepEqual([failed, tried, injected], [11, 126, 1]);
  assert.deepEqual(
    hops.map(({ hop, count }) => [hop, count]),
    [
      ["app", 10],
      ["outbound-proxy", 1],
      ["inbound-proxy", 0],
      ["network", 0],
    ],
  );
});

test("of an edge with connections alone, the connections that were not opened count", () => {
  const tcp = {
    opened: 6,
    openedPerSecond: 0.2,
    open: 1,
    sentBytesPerSecond: 1,
    receivedBytesPerSecond: 1,
  };
  const { failed, tried, noun, hops } = failuresOf({
    ...edge,
    protocol: "tcp",
    tcp: { ...tcp, failed: 3 },
    failures: [kind({ failedBy: "outbound-proxy", flags: "UH", code: 0, count: 3 })],
  });
  assert.deepEqual([failed, tried, noun], [3, 9, "connections"]);
  assert.deepEqual(
    hops.map(({ count }) => count),
    [0, 3, 0, 0],
  );
});

const lines: readonly (readonly [string, FailureKindWire[]])[] = [
  ["b answered 500", [kind({})]],
  ["b answered gRPC UNAVAILABLE", [kind({ code: 200, grpcStatus: "14" })]],
  ["timed out (UT)", [kind({ failedBy: "outbound-proxy", flags: "UT", code: 504 })]],
  [
    "connection failed (UF), and 1 more",
    [
      kind({ failedBy: "outbound-proxy", flags: "UF", code: 503, count: 3 }),
      kind({ failedBy: "outbound-proxy", flags: "UT", code: 504 }),
    ],
  ],
  ["", []],
];
for (const [words, kinds] of lines) {
  test(`a hop's line reads "${words}"`, () => {
    const hop = kinds[0]?.failedBy ?? "app";
    assert.equal(hopInWords({ hop, count: 1, kinds }, "b"), words);
  });
}
