import assert from "node:assert/strict";
import { test } from "node:test";
import type { Canary, GraphEdge, GraphNode, GraphSnapshot } from "@heddle/contracts";
import { findTroubles, worstFirst } from "./worst-first.ts";

const NOW_MS = 3_600_000;

function signals(requestsPerSecond: number, errorRatio = 0) {
  const requests = requestsPerSecond * 30;
  return {
    requests,
    requestsPerSecond,
    errors: Math.round(requests * errorRatio),
    ...(requests > 0 && { errorRatio, p99Ms: 20 }),
    requestBytesPerSecond: 0,
    responseBytesPerSecond: 0,
  };
}

function node(
  service: string,
  version: string,
  state: GraphNode["health"]["state"],
  rps: number,
  errorRatio = 0,
  reason = "",
): GraphNode {
  return {
    id: `workload/shop/${service}-${version}`,
    kind: "workload",
    namespace: "shop",
    label: service,
    service,
    version,
    workload: `${service}-${version}`,
    registered: true,
    instances: 1,
    health: { state, sinceMs: 1000, reason },
    signals: signals(rps, errorRatio),
    lastRequestMs: NOW_MS - 2_460_000,
  };
}

function edge(
  from: GraphNode,
  to: GraphNode,
  rps: number,
  parts: Partial<GraphEdge> = {},
): GraphEdge {
  return {
    id: `${from.id}->${to.id}`,
    source: from.id,
    destination: to.id,
    protocol: "http",
    health: { state: "healthy", sinceMs: 0, reason: "" },
    signals: signals(rps),
    whoFailed: { app: 0, outboundProxy: 0, inboundProxy: 0, network: 0 },
    lastRequestMs: NOW_MS,
    ...parts,
  };
}

const web = node("web", "v1", "healthy", 90);
const reviews1 = node("reviews", "v1", "healthy", 50);
const reviews2 = node("reviews", "v2", "healthy", 40);
const checkout = node("checkout", "v12", "degraded", 42, 0.009, "0.9 % … because of payments-v2");
const stable = node("payments", "v1", "healthy", 38);
const canary = node("payments", "v2", "failing", 4, 0.3);
const idle = node("recommender", "v1", "idle", 0);
const ratings = node("ratings", "v1", "healthy", 12);
const fails = edge(checkout, canary, 4, {
  signals: signals(4, 0.3),
  failures: [
    { failedBy: "outbound-proxy", flags: "UT", code: 504, count: 3 },
    { failedBy: "app", flags: "-", code: 500, count: 30 },
  ],
});
const SNAPSHOT: GraphSnapshot = {
  asOfMs: NOW_MS,
  windowMs: 30_000,
  view: "workload",
  nodes: [web, reviews1, reviews2, checkout, stable, canary, idle, ratings],
  edges: [
    edge(web, reviews1, 50),
    edge(web, checkout, 42),
    edge(checkout, stable, 38),
    edge(reviews1, ratings, 12, { mtlsRatio: 0.5 }),
    fails,
  ],
  totals: signals(90),
};
const CANARY: Canary = {
  namespace: "shop",
  service: "payments",
  virtualService: "shop/payments",
  route: "0",
  stable: { subset: "v1", weight: 90, share: 0.9, workloads: ["shop/payments-v1"] },
  canary: { subset: "v2", weight: 10, share: 0.1, workloads: ["shop/payments-v2"] },
  revision: 3,
  startedAtMs: 0,
  startedBy: "mara",
};

test("a version that fails stands first and alone, the versions that are well share a line", () => {
  const lines = worstFirst(SNAPSHOT, NOW_MS);
  assert.deepEqual(
    lines.map(({ service, versions, status, why, act }) => [
      `${service} ${versions.join(" ")}`,
      status,
      why,
      act.label,
    ]),
    [
      ["payments v2", "failing", "The app answers 500", "Why"],
      ["checkout v12", "degraded", "Because of payments-v2", "Why"],
      ["ratings v1", "healthy", "Plaintext from reviews v1", "Preflight"],
      ["reviews v1 v2", "healthy", "", "Open"],
      ["web v1", "healthy", "", "Open"],
      ["payments v1", "healthy", "", "Open"],
      ["recommender v1", "idle", "No request for 41\u00a0min", "Open"],
    ],
  );
  assert.equal(lines[0]?.act.href, `/graph?sel=${encodeURIComponent(fails.id)}`);
});

test("the trouble names who failed it, who is touched, and the canary to roll back", () => {
  const [trouble, ...rest] = findTroubles(SNAPSHOT, [CANARY]);
  assert.equal(rest.length, 0); // checkout only suffers
  assert.equal(trouble?.name, "payments v2");
  assert.equal(trouble?.cause, "The app answers 500");
  assert.deepEqual(trouble?.callers, ["checkout v12"]);
  assert.equal(trouble?.canary, CANARY);
});

test("a canary that gets nothing any more is nothing to roll back", () => {
  const rolledBack = { ...CANARY, canary: { ...CANARY.canary, weight: 0, share: 0 } };
  assert.equal(findTroubles(SNAPSHOT, [rolledBack])[0]?.canary, undefined);
});

test("a mesh that is well has no trouble", () => {
  const well = { ...SNAPSHOT, nodes: [web, reviews1], edges: [] };
  assert.deepEqual(findTroubles(well, []), []);
});
