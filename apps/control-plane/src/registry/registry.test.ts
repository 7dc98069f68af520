import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkloadRegistration } from "@heddle/contracts";
import { Registry } from "./registry.ts";

function registration(workload: string): WorkloadRegistration {
  return {
    namespace: "shop",
    workload,
    service: workload,
    labels: { app: "a lie", tier: "back" },
    instanceId: `px-1/shop/${workload}`,
    address: "127.0.0.1",
    inboundPort: 15_006,
    appPort: 9000,
    protocol: "http",
  };
}

function withProxy(...workloads: string[]): Registry {
  const registry = new Registry();
  registry.addProxy({
    id: "px-1",
    name: "host-a",
    version: "",
    namespace: "shop",
    workload: undefined,
    lastSeenAtMs: 0,
  });
  registry.connect("px-1", about, workloads.map(registration), 100, 0);
  return registry;
}
const about = { name: "host-a", version: "1" };

test("an instance goes when its lease has ended, not before", () => {
  const registry = withProxy("reviews");
  assert.deepEqual([...registry.expire(99)], []);
  registry.renew("px-1", 200, 99);
  assert.deepEqual([...registry.expire(150)], []);
  assert.deepEqual([...registry.expire(200)], ["shop/reviews"]);
  assert.deepEqual(registry.instancesOfService("shop/reviews"), []);
});

test("a service that has lost its last instance is still a service", () => {
  const registry = withProxy("reviews");
  registry.leave("px-1");
  assert.ok(registry.isKnownService("shop/reviews"));
  assert.ok(!registry.isKnownService("shop/ratings"));
});

test("a proxy that comes back without a workload takes it out", () => {
  const registry = withProxy("reviews", "ratings");
  const touched = registry.connect("px-1", about, [registration("ratings")], 300, 0);
  assert.deepEqual([...touched].sort(), ["shop/ratings", "shop/reviews"]);
  assert.deepEqual([...registry.takeUnsaved().removedInstanceIds], ["px-1/shop/reviews"]);
});

test("the labels app and version follow the registration, not what the proxy writes there", () => {
  const [instance] = withProxy("reviews").instancesOfService("shop/reviews");
  assert.deepEqual(instance?.labels, { app: "reviews", tier: "back" });
});

test("an instance that drains gets no new requests, but lives as long as its lease", () => {
  const registry = withProxy("reviews");
  registry.takeUnsaved();
  assert.deepEqual([...registry.drain("px-1")], ["shop/reviews"]);
  assert.equal(registry.findInstance("px-1/shop/reviews")?.isDraining, true);
  assert.deepEqual([...registry.takeUnsaved().instanceIds], ["px-1/shop/reviews"]);
  registry.renew("px-1", 300, 50);
  assert.equal(registry.findInstance("px-1/shop/reviews")?.isDraining, true);
  assert.deepEqual([...registry.expire(100)], []);
});

test("a proxy that comes back with a drained workload serves it again", () => {
  const registry = withProxy("reviews");
  registry.drain("px-1");
  registry.connect("px-1", about, [registration("reviews")], 300, 90);
  const instance = registry.findInstance("px-1/shop/reviews");
  assert.deepEqual([instance?.isDraining, instance?.servesSinceMs], [false, 0]);
});

test("what could not be written is written later as it stands by then", () => {
  const registry = withProxy("reviews", "ratings");
  const failed = registry.takeUnsaved();
  registry.connect("px-1", about, [registration("reviews")], 100, 0);
  registry.putBackUnsaved(failed);
  const { instanceIds, removedInstanceIds } = registry.takeUnsaved();
  assert.ok(instanceIds.has("px-1/shop/reviews"));
  assert.ok(removedInstanceIds.has("px-1/shop/ratings"));
  assert.equal(registry.findInstance("px-1/shop/ratings"), undefined);
});
