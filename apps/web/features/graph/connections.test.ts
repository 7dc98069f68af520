import assert from "node:assert/strict";
import { test } from "node:test";
import type { GraphEdge, GraphNode, GraphSnapshot, TcpSignalsWire } from "@heddle/contracts";
import { edgeStatus, type GraphModel, graphModel } from "./graph-model.ts";
import { USUAL_LABELS } from "./graph-state.ts";
import { chipText, flowMarks, threadName } from "./thread-look.ts";

const IDLE = {
  requests: 0,
  requestsPerSecond: 0,
  errors: 0,
  requestBytesPerSecond: 0,
  responseBytesPerSecond: 0,
};
const TCP: TcpSignalsWire = {
  opened: 6,
  openedPerSecond: 0.2,
  failed: 0,
  open: 1,
  sentBytesPerSecond: 255,
  receivedBytesPerSecond: 245,
};

function node(id: string, parts: Partial<GraphNode> = {}): GraphNode {
  const [kind = "", namespace = "", name = ""] = id.split("/");
  return {
    id,
    kind: kind as GraphNode["kind"],
    namespace,
    label: name,
    service: name,
    registered: true,
    instances: 1,
    health: { state: "healthy", sinceMs: 0, reason: "" },
    signals: IDLE,
    ...(kind === "workload" && { workload: name, version: "v1" }),
    ...parts,
  };
}

function edge(destination: string, parts: Partial<GraphEdge>): GraphEdge {
  return {
    id: `workload/shop/checkout->${destination}`,
    source: "workload/shop/checkout",
    destination,
    protocol: "tcp",
    health: { state: "healthy", sinceMs: 0, reason: "" },
    signals: IDLE,
    whoFailed: { app: 0, outboundProxy: 0, inboundProxy: 0, network: 0 },
    lastRequestMs: 0,
    ...parts,
  };
}

function modelOf(destinations: readonly GraphNode[], edges: readonly GraphEdge[]): GraphModel {
  const snapshot: GraphSnapshot = {
    asOfMs: 0,
    windowMs: 30_000,
    view: "workload",
    nodes: [node("workload/shop/checkout"), ...destinations],
    edges: [...edges],
    totals: IDLE,
  };
  return graphModel(snapshot, "versions", []);
}

const statuses: readonly (readonly [string, Partial<GraphEdge>, string])[] = [
  ["well and carries bytes", { tcp: TCP }, "tcp"],
  ["quiet with a connection open", { tcp: { ...TCP, opened: 0 } }, "tcp"],
  [
    "failing",
    { tcp: { ...TCP, failed: 9 }, health: { state: "failing", sinceMs: 0, reason: "" } },
    "failing",
  ],
  ["without any connection", {}, "healthy"],
];
for (const [what, parts, status] of statuses) {
  test(`an edge of connections that is ${what} shows as ${status}`, () => {
    assert.equal(edgeStatus(edge("workload/shop/ledger", parts)), status);
  });
}

test("a thread of connections says bytes where others say their rate, and points where they go", () => {
  const ledger = node("workload/shop/ledger");
  const { threads, cards } = modelOf([ledger], [edge(ledger.id, { tcp: TCP, mtlsRatio: 1 })]);
  const [thread] = threads;
  assert.ok(thread !== undefined);
  assert.equal(chipText(thread, USUAL_LABELS)?.text, "500\u00a0B/s");
  assert.equal(flowMarks(thread, 1).count, 1);
  const name = threadName(thread, new Map([[ledger.id, ledger]]));
  assert.match(name, /TCP, 500\sB\/s, 1\sconnection open, mTLS 100\s%$/);
  const card = cards.find(({ title }) => title === "ledger");
  assert.equal(card?.status, "tcp");
  assert.equal(card?.mtlsRatio, 1);
});

test("connections that are not opened are said in the place of bytes", () => {
  const failing = edge("workload/shop/ledger", {
    tcp: { ...TCP, failed: 2 },
    health: { state: "failing", sinceMs: 0, reason: "" },
  });
  const [thread] = modelOf([node("workload/shop/ledger")], [failing]).threads;
  assert.ok(thread !== undefined);
  const chip = chipText(thread, USUAL_LABELS);
  assert.equal(chip?.text, "25\u00a0% not opened");
  assert.equal(chip?.tone, "bad");
});

test("requests that reached no version are a row of their own in their service's card", () => {
  const { cards } = modelOf(
    [node("workload/shop/catalog", { service: "catalog" }), node("service/shop/catalog")],
    [],
  );
  const card = cards.find(({ title }) => title === "catalog");
  assert.deepEqual(card?.rows.map(({ label }) => label).toSorted(), ["not sent", "v1"]);
});
