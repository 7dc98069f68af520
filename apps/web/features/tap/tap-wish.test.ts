import assert from "node:assert/strict";
import { test } from "node:test";
import type { GraphNode } from "@heddle/contracts";
import { tapWishOf } from "./tap-wish.ts";

function node(kind: GraphNode["kind"], label: string, more: Partial<GraphNode> = {}): GraphNode {
  const signals = {
    ...{ requests: 0, requestsPerSecond: 0, errors: 0 },
    ...{ requestBytesPerSecond: 0, responseBytesPerSecond: 0 },
  };
  const health = { state: "healthy", sinceMs: 0, reason: "" } as const;
  const base = { id: `${kind}/${label}`, kind, namespace: "shop", label, registered: true };
  return { ...base, instances: 1, health, signals, ...more };
}
const web = node("workload", "web", { service: "web", workload: "web-v1" });
const reviews = node("service", "reviews", { service: "reviews" });
const legacy = node("outside", "10.0.0.9", { address: "10.0.0.9", namespace: "" });
const external = node("external", "api.example.com", { namespace: "shop" });

test("watches calls where they arrive, and all of a node that has a sidecar", () => {
  assert.deepEqual(tapWishOf(reviews, web), {
    targets: [{ namespace: "shop", service: "reviews" }],
    filter: { direction: "inbound", from: { namespace: "shop", name: "web-v1" } },
  });
  assert.deepEqual(tapWishOf(web), { targets: [{ namespace: "shop", workload: "web-v1" }] });
});

test("watches calls to a host outside at who sends them, and callers without a name as such", () => {
  assert.deepEqual(tapWishOf(external, web), {
    targets: [{ namespace: "shop", workload: "web-v1" }],
    filter: { direction: "outbound", to: { namespace: "shop", name: "api.example.com" } },
  });
  assert.deepEqual(tapWishOf(reviews, legacy)?.filter?.from, {
    namespace: "unknown",
    name: "unknown",
  });
});

test("has nothing to watch where nobody has a sidecar", () => {
  assert.equal(tapWishOf(external, legacy), undefined);
  assert.equal(tapWishOf(legacy), undefined);
});
