import assert from "node:assert/strict";
import { test } from "node:test";
import type { GraphEdge, GraphNode, GraphSnapshot, SignalsWire } from "@heddle/contracts";
import { cellKey, speechMatrix } from "./speech-matrix.ts";

const signals = (requests: number): SignalsWire => ({
  requests,
  requestsPerSecond: requests / 30,
  errors: 0,
  requestBytesPerSecond: 0,
  responseBytesPerSecond: 0,
});
const health = { state: "healthy", sinceMs: 0, reason: "" } as const;
const node = (id: string, kind: GraphNode["kind"], service?: string): GraphNode => ({
  id,
  kind,
  namespace: "shop",
  label: service ?? id,
  service,
  address: kind === "outside" ? id : undefined,
  registered: true,
  instances: 1,
  health,
  signals: signals(0),
});
const edge = (
  source: string,
  destination: string,
  requests: number,
  mtlsRatio?: number,
): GraphEdge => ({
  id: `${source}->${destination}`,
  source,
  destination,
  protocol: "http",
  health,
  signals: signals(requests),
  mtlsRatio,
  whoFailed: { app: 0, outboundProxy: 0, inboundProxy: 0, network: 0 },
  lastRequestMs: 0,
});
const graph: GraphSnapshot = {
  asOfMs: 0,
  windowMs: 30_000,
  view: "workload",
  totals: signals(0),
  nodes: [
    node("checkout-v1", "workload", "checkout"),
    node("payments-v1", "workload", "payments"),
    node("payments-v2", "workload", "payments"),
    node("127.0.4.17", "outside"),
    node("api.example", "external"),
  ],
  edges: [
    edge("checkout-v1", "payments-v1", 90, 1),
    edge("checkout-v1", "payments-v2", 10, 0),
    edge("127.0.4.17", "payments-v1", 5, 0),
    edge("checkout-v1", "api.example", 5),
  ],
};

test("takes versions together and weighs their mTLS by requests", () => {
  const matrix = speechMatrix(graph);
  assert.equal(matrix.cells.get(cellKey("shop/checkout", "shop/payments"))?.mtlsRatio, 0.9);
  assert.equal(matrix.cells.size, 2);
});

test("lists callers outside the mesh last and leaves out destinations outside it", () => {
  const matrix = speechMatrix(graph);
  assert.deepEqual(
    matrix.callers.map(({ key }) => key),
    ["shop/checkout", "127.0.4.17"],
  );
  assert.deepEqual(
    matrix.callees.map(({ name }) => name),
    ["payments"],
  );
});

test("keeps services of one name in two namespaces apart, and shows one namespace alone", () => {
  const bank = { ...node("bank-payments", "workload", "payments"), namespace: "bank" };
  const both = {
    ...graph,
    nodes: [...graph.nodes, bank],
    edges: [...graph.edges, edge("bank-payments", "bank-payments", 3, 1)],
  };
  assert.equal(speechMatrix(both).callees.length, 2);
  assert.deepEqual([...speechMatrix(both, "bank").cells.keys()], ["bank/payments>bank/payments"]);
});
