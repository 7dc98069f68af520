import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkloadRegistration } from "@heddle/contracts";
import type { StoredInstance, StoredProxy } from "@heddle/store";
import { Registry } from "./registry.ts";

const REVIEWS = "shop/reviews";
const BOTH = new Set(["here", "there"]);

/** A registry of the control plane `here`, whose database clock is set by the test. */
function startRegistry({ keepsOrphans = true } = {}) {
  const clock = { nowMs: 1_000 };
  const databaseNowMs = () => clock.nowMs;
  const owner = { replicaId: "here", databaseNowMs, keepsOrphans: () => keepsOrphans };
  return { clock, registry: new Registry(owner) };
}

function proxy(more: Partial<StoredProxy> = {}): StoredProxy {
  const id = {
    id: "px-1",
    name: "host-a",
    version: "0.1.0",
    namespace: "shop",
    workload: undefined,
  };
  return { ...id, lastSeenAtMs: 0, ...more };
}

function instance(more: Partial<StoredInstance> = {}): StoredInstance {
  return {
    instanceId: "px-1/shop/reviews-v1",
    proxyId: "px-1",
    namespace: "shop",
    workload: "reviews-v1",
    service: "reviews",
    version: "v1",
    labels: { app: "reviews", version: "v1" },
    address: "10.0.0.1",
    inboundPort: 15_006,
    appPort: 9000,
    protocol: "http",
    morePorts: [],
    locality: undefined,
    servesSinceMs: 1,
    isDraining: false,
    leaseEndsAtMs: 20_000,
    certificateNotAfterMs: undefined,
    replicaId: "there",
    ...more,
  };
}

const registration: WorkloadRegistration = {
  namespace: "shop",
  workload: "reviews-v1",
  service: "reviews",
  version: "v1",
  labels: { app: "reviews", version: "v1" },
  instanceId: "px-1/shop/reviews-v1",
  address: "10.0.0.1",
  inboundPort: 15_006,
  appPort: 9000,
  protocol: "http",
};
const ABOUT = { name: "host-a", version: "0.1.0" };
const ASKED = { proxyIds: ["px-1"], instanceIds: [] };
const THERE = { replicaId: "there", isConnected: true } as const;

test("what another control plane has registered is an endpoint, and its lease is that one's matter", () => {
  const { registry } = startRegistry();
  const stored = { proxies: [proxy({ ...THERE, claimedAtMs: 900 })], instances: [instance()] };
  const { touched } = registry.takeForeign(stored, ASKED, BOTH, 1_000);
  assert.deepEqual([...touched], [REVIEWS]);
  assert.equal(registry.findProxy("px-1")?.isConnected, true);
  assert.deepEqual([...registry.expire(90_000)], []);
  assert.equal(registry.takeUnsaved().instanceIds.size, 0);
});

test("a row that says nothing new touches no endpoint and keeps what is compiled of it", () => {
  const { registry } = startRegistry();
  const stored = { proxies: [proxy({ ...THERE, claimedAtMs: 900 })], instances: [instance()] };
  registry.takeForeign(stored, ASKED, BOTH, 1_000);
  const before = registry.findInstance("px-1/shop/reviews-v1")?.labels;
  const renewed = { ...stored, instances: [instance({ leaseEndsAtMs: 35_000 })] };
  assert.equal(registry.takeForeign(renewed, undefined, BOTH, 2_000).touched.size, 0);
  assert.equal(registry.findInstance("px-1/shop/reviews-v1")?.labels, before);
});

test("of two claims the later one holds, whichever control plane reads them", () => {
  const { registry, clock } = startRegistry();
  registry.addProxy(proxy());
  clock.nowMs = 5_000;
  registry.connect("px-1", ABOUT, [registration], 20_000, 5_000);
  const rowOf = (claimedAtMs: number) => ({
    proxies: [proxy({ ...THERE, claimedAtMs })],
    instances: [instance()],
  });
  assert.deepEqual(registry.takeForeign(rowOf(4_000), ASKED, BOTH, 5_000).lost, []);
  assert.ok(registry.isOwn("px-1"));
  const { lost, touched } = registry.takeForeign(rowOf(6_000), ASKED, BOTH, 6_000);
  assert.deepEqual([lost, touched.size], [["px-1"], 0], "it moved, its endpoint did not");
  registry.disconnect("px-1", 6_100); // its old stream ends late
  registry.renew("px-1", 90_000, 6_100);
  assert.equal(registry.findProxy("px-1")?.isConnected, true);
  assert.equal(registry.takeUnsaved().proxyIds.size, 0);
});

test("what it no longer hosts goes, and a goodbye is told as one", () => {
  const { registry } = startRegistry();
  const stored = { proxies: [proxy({ ...THERE, claimedAtMs: 900 })], instances: [instance()] };
  registry.takeForeign(stored, ASKED, BOTH, 1_000);
  const left = proxy({ ...THERE, claimedAtMs: 900, isConnected: false, leftAtMs: 2_000 });
  const { touched } = registry.takeForeign({ proxies: [left], instances: [] }, ASKED, BOTH, 2_000);
  assert.deepEqual([...touched], [REVIEWS]);
  assert.deepEqual(
    registry.gone.all(2_000).map(({ cause }) => cause),
    ["goodbye"],
  );
});

test("instances of a control plane that died live on for their grace, and go only then", () => {
  const { registry } = startRegistry();
  const stored = { proxies: [proxy({ ...THERE, claimedAtMs: 900 })], instances: [instance()] };
  registry.takeForeign(stored, ASKED, BOTH, 1_000);
  assert.ok(registry.noteAlive(new Set(["here"]), 50_000, 30_000));
  assert.equal(registry.findProxy("px-1")?.isConnected, false);
  assert.equal(registry.expire(79_999).size, 0);
  registry.takeForeign(stored, undefined, new Set(["here"]), 60_000); // read again: the grace runs on
  assert.deepEqual([...registry.expire(80_000)], [REVIEWS]);
});

test("a proxy that turns here in time keeps its endpoint without a gap", () => {
  const { registry, clock } = startRegistry();
  const stored = { proxies: [proxy({ ...THERE, claimedAtMs: 900 })], instances: [instance()] };
  registry.takeForeign(stored, ASKED, BOTH, 1_000);
  registry.noteAlive(new Set(["here"]), 50_000, 30_000);
  clock.nowMs = 51_000;
  registry.connect("px-1", ABOUT, [registration], 66_000, 51_000);
  assert.equal(registry.expire(65_999).size, 0);
  registry.takeForeign(stored, undefined, new Set(["here"]), 60_000); // the old row, read late
  assert.ok(registry.isOwn("px-1"));
  assert.equal(registry.instancesOfService(REVIEWS).length, 1);
});

test("of several control planes that outlive one, only that which keeps orphans ends their leases", () => {
  const { registry } = startRegistry({ keepsOrphans: false });
  const stored = { proxies: [proxy({ ...THERE, claimedAtMs: 900 })], instances: [instance()] };
  registry.takeForeign(stored, ASKED, BOTH, 1_000);
  registry.noteAlive(new Set(["here", "third"]), 50_000, 30_000);
  assert.equal(registry.expire(500_000).size, 0);
});

const HOLD = { id: "shop.reviews-1", sinceMs: 1, endpointsBefore: 1 };

/** An own instance that is held, and how another control plane has answered its hold in the database. */
function answeredElsewhere(answer: object, id = HOLD.id) {
  const { registry } = startRegistry();
  registry.addProxy(proxy());
  registry.connect("px-1", ABOUT, [registration], 20_000, 1_000);
  registry.expire(30_000, () => new Map([[registration.instanceId, HOLD]]));
  const row = instance({ replicaId: "here", hold: { ...HOLD, id, ...answer } });
  const proxies = [proxy({ replicaId: "here", claimedAtMs: 1_000 })];
  const { touched } = registry.takeForeign({ proxies, instances: [row] }, ASKED, BOTH, 31_000);
  return { registry, touched, hold: registry.findInstance(row.instanceId)?.hold };
}

test("a hold that is dismissed at another control plane is dismissed here", () => {
  const { hold, touched } = answeredElsewhere({ dismissedBy: "ada", dismissedAtMs: 9 });
  assert.deepEqual(hold, { ...HOLD, dismissedBy: "ada", dismissedAtMs: 9 });
  assert.equal(touched.size, 0);
});

test("a hold that is confirmed at another control plane takes the instance out, and out of the database", () => {
  const { registry, hold, touched } = answeredElsewhere({ confirmedBy: "ada" });
  assert.deepEqual([hold, [...touched]], [undefined, [REVIEWS]]);
  assert.deepEqual([...registry.takeUnsaved().removedInstanceIds], [registration.instanceId]);
  assert.equal(registry.gone.all(31_000)[0]?.cause, "confirmed");
});

test("an answer to an earlier hold says nothing of the present one", () => {
  const { hold } = answeredElsewhere({ confirmedBy: "ada" }, "shop.reviews-0");
  assert.deepEqual(hold, HOLD);
});

test("one that was let go when its control plane died does not come back with the next start", () => {
  const { registry } = startRegistry();
  const letGo = instance({ hold: { ...HOLD, confirmedBy: "ada" } });
  registry.load({ proxies: [proxy()], instances: [letGo] }, 30_000);
  assert.equal(registry.findInstance(letGo.instanceId), undefined);
  assert.deepEqual([...registry.takeUnsaved().removedInstanceIds], [letGo.instanceId]);
});
