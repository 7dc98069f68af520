import assert from "node:assert/strict";
import { test } from "node:test";
import type { GraphEdge, TcpSignalsWire } from "@heddle/contracts";
import { mtlsOfEdges, sumTcp, tcpByNode } from "./tcp-signals.ts";

function tcpOf(opened: number, open = 0): TcpSignalsWire {
  return {
    opened,
    openedPerSecond: opened / 10,
    failed: 0,
    open,
    sentBytesPerSecond: 10,
    receivedBytesPerSecond: 20,
  };
}

function edge(parts: {
  readonly from: string;
  readonly to: string;
  readonly requests?: number;
  readonly tcp?: TcpSignalsWire;
  readonly mtlsRatio?: number;
}): GraphEdge {
  const { from, to, requests = 0, tcp, mtlsRatio } = parts;
  return {
    id: `${from}->${to}`,
    source: from,
    destination: to,
    protocol: tcp === undefined ? "http" : "tcp",
    health: { state: "healthy", sinceMs: 0, reason: "" },
    signals: {
      requests,
      requestsPerSecond: requests,
      errors: 0,
      requestBytesPerSecond: 0,
      responseBytesPerSecond: 0,
    },
    whoFailed: { app: 0, outboundProxy: 0, inboundProxy: 0, network: 0 },
    lastRequestMs: 0,
    ...(tcp !== undefined && { tcp }),
    ...(mtlsRatio !== undefined && { mtlsRatio }),
  };
}

test("a node shows the connections it receives, and its own only where nobody calls it", () => {
  const nodes = tcpByNode([
    edge({ from: "app", to: "pool", tcp: tcpOf(4) }),
    edge({ from: "pool", to: "db", tcp: tcpOf(9) }),
    edge({ from: "app", to: "web", requests: 5 }),
  ]);
  assert.equal(nodes.get("app")?.opened, 4);
  assert.equal(nodes.get("pool")?.opened, 4);
  assert.equal(nodes.get("db")?.opened, 9);
  assert.equal(nodes.get("web"), undefined);
});

test("edges without connections add nothing, and none at all is no data", () => {
  const both = [
    edge({ from: "a", to: "b", requests: 1 }),
    edge({ from: "c", to: "b", tcp: tcpOf(2, 1) }),
  ];
  assert.equal(sumTcp(both)?.open, 1);
  assert.equal(sumTcp(both.slice(0, 1)), undefined);
});

test("the mTLS share weighs requests and opened connections, or else those that stand open", () => {
  const encrypted = edge({ from: "a", to: "b", tcp: tcpOf(3, 1), mtlsRatio: 1 });
  const plain = edge({ from: "c", to: "b", requests: 1, mtlsRatio: 0 });
  assert.equal(mtlsOfEdges([encrypted, plain]), 0.75);
  assert.equal(mtlsOfEdges([edge({ from: "a", to: "b", tcp: tcpOf(0, 1), mtlsRatio: 1 })]), 1);
  assert.equal(mtlsOfEdges([edge({ from: "a", to: "b", requests: 7 })]), undefined);
});
