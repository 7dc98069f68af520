import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceHealthWire, WorkloadRegistration } from "@heddle/contracts";
import type { StoredInstance } from "@heddle/store";
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

const unwell = { status: "unhealthy", check: "http", reason: "answered 503", sinceMs: 5 } as const;

function health(name: string, state: InstanceHealthWire) {
  return [{ workload: { namespace: "shop", name }, health: state }];
}

test("callers hear of an app's health only when it changes sides", () => {
  const registry = withProxy("reviews");
  assert.deepEqual([...registry.noteHealth("px-1", health("reviews", unwell))], ["shop/reviews"]);
  const later = { ...unwell, reason: "answered 500" };
  assert.deepEqual([...registry.noteHealth("px-1", health("reviews", later))], []);
  assert.equal(registry.findInstance("px-1/shop/reviews")?.health?.reason, "answered 500");
  const well = { status: "healthy", check: "http", sinceMs: 9 } as const;
  assert.deepEqual([...registry.noteHealth("px-1", health("reviews", well))], ["shop/reviews"]);
});

test("a proxy speaks for the health of the apps it hosts, not of others", () => {
  const registry = withProxy("reviews");
  assert.deepEqual([...registry.noteHealth("px-2", health("reviews", unwell))], []);
  assert.equal(registry.findInstance("px-1/shop/reviews")?.health, undefined);
});

test("what was found of an app holds until the proxy that comes back has checked it itself", () => {
  const registry = withProxy("reviews");
  registry.noteHealth("px-1", health("reviews", unwell));
  const unknown = { status: "unknown", check: "http", sinceMs: 20 } as const;
  registry.connect("px-1", about, [{ ...registration("reviews"), health: unknown }], 300, 20);
  assert.deepEqual(registry.findInstance("px-1/shop/reviews")?.health, unwell);
  registry.connect("px-1", about, [registration("reviews")], 300, 30);
  assert.equal(registry.findInstance("px-1/shop/reviews")?.health, undefined, "checked no more");
});

test("one that is gone is shown with the reason for a while, unless it comes back", () => {
  const registry = withProxy("reviews", "ratings");
  registry.connect("px-1", about, [registration("ratings")], 300, 50);
  registry.expire(300);
  const causes = registry.gone.all(301).map(({ instance, cause }) => [instance.workload, cause]);
  assert.deepEqual(causes, [
    ["ratings", "lease-ended"],
    ["reviews", "not-hosted"],
  ]);
  registry.connect("px-1", about, [registration("ratings")], 900, 400);
  assert.deepEqual(
    registry.gone.all(401).map(({ instance }) => instance.workload),
    ["reviews"],
  );
  assert.deepEqual(registry.gone.all(50 + 15 * 60_000), []);
});

test("an instance that is held outlives its lease until a sign of life ends the hold", () => {
  const registry = withProxy("reviews");
  const hold = { id: "shop.reviews-1", sinceMs: 100, endpointsBefore: 1 };
  const held = new Map([["px-1/shop/reviews", hold]]);
  assert.deepEqual([...registry.expire(100, () => held)], []);
  assert.deepEqual(
    registry.heldInstances().map(({ instanceId }) => instanceId),
    ["px-1/shop/reviews"],
  );
  assert.deepEqual([...registry.expire(200, () => assert.fail("is held already"))], []);
  registry.renew("px-1", 300, 210);
  assert.deepEqual(registry.heldInstances(), []);
  assert.deepEqual([...registry.expire(300)], ["shop/reviews"]);
});

const outside: StoredInstance = {
  instanceId: "api/shop/legacy-1",
  proxyId: "",
  source: "api",
  namespace: "shop",
  workload: "legacy-1",
  service: "legacy",
  version: undefined,
  labels: { app: "legacy" },
  address: "10.0.0.9",
  inboundPort: 8080,
  appPort: 8080,
  protocol: "http",
  morePorts: [],
  locality: undefined,
  servesSinceMs: 1,
  isDraining: false,
  leaseEndsAtMs: 50,
  certificateNotAfterMs: undefined,
};

test("a sign of life of an instance without a proxy is no news for callers, another address is", () => {
  const registry = new Registry();
  assert.deepEqual([...registry.register(outside)], ["shop/legacy"]);
  assert.deepEqual(
    [...registry.register({ ...outside, leaseEndsAtMs: 90, servesSinceMs: 40 })],
    [],
  );
  assert.equal(registry.findInstance("api/shop/legacy-1")?.servesSinceMs, 1);
  assert.deepEqual([...registry.expire(60)], []);
  const moved = { ...outside, address: "10.0.0.10", leaseEndsAtMs: 99 };
  assert.deepEqual([...registry.register(moved)], ["shop/legacy"]);
  assert.deepEqual([...registry.expire(99)], ["shop/legacy"]);
});
