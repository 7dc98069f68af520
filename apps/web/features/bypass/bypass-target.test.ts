import assert from "node:assert/strict";
import { test } from "node:test";
import type { GraphNode } from "@heddle/contracts";
import { bypassTargetOf, isSameTarget } from "./bypass-target.ts";

function node(kind: GraphNode["kind"], service: string, version?: string): GraphNode {
  const signals = {
    requests: 0,
    requestsPerSecond: 0,
    errors: 0,
    requestBytesPerSecond: 0,
    responseBytesPerSecond: 0,
  };
  return {
    id: `${kind}/shop/${service}`,
    kind,
    namespace: "shop",
    label: service,
    ...(kind !== "outside" && { service }),
    ...(version !== undefined && { version, workload: `${service}-${version}` }),
    registered: true,
    instances: 1,
    health: { state: "healthy", sinceMs: 0, reason: "" },
    signals,
  };
}

const web = node("workload", "web", "v1");
const reviews = node("workload", "reviews", "v2");

test("an edge stands for one caller's calls to a service, a node for its workload", () => {
  assert.deepEqual(bypassTargetOf(reviews, web), {
    kind: "pair",
    source: { namespace: "shop", workload: "web-v1" },
    destination: { namespace: "shop", service: "reviews" },
  });
  assert.deepEqual(bypassTargetOf(reviews), {
    kind: "workload",
    namespace: "shop",
    workload: "reviews-v2",
  });
  assert.deepEqual(bypassTargetOf(reviews, node("service", "web")), {
    kind: "pair",
    source: { namespace: "shop", service: "web" },
    destination: { namespace: "shop", service: "reviews" },
  });
});

test("a caller without a sidecar has no rules to be taken off", () => {
  assert.equal(bypassTargetOf(reviews, node("outside", "10.0.0.1")), undefined);
  assert.equal(bypassTargetOf(node("service", "reviews")), undefined);
  assert.equal(bypassTargetOf(undefined), undefined);
});

test("knows a target again, whether or not authorization is lifted with it", () => {
  const target = bypassTargetOf(reviews);
  const pair = bypassTargetOf(reviews, web);
  assert.ok(target?.kind === "workload" && pair !== undefined);
  assert.equal(isSameTarget(target, { ...target, includeAuthorization: true }), true);
  assert.equal(isSameTarget(target, { ...target, workload: "reviews-v3" }), false);
  assert.equal(isSameTarget(target, pair), false);
  assert.equal(isSameTarget(pair, structuredClone(pair)), true);
});
