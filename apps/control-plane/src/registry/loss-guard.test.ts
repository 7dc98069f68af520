import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredInstance } from "@heddle/store";
import { holdLosses, type LossSituation, releaseHeld } from "./loss-guard.ts";

function instances(service: string, ...ids: number[]): StoredInstance[] {
  return ids.map((id) => ({
    instanceId: `px-${id}/shop/${service}`,
    proxyId: `px-${id}`,
    namespace: "shop",
    workload: service,
    service,
    version: undefined,
    labels: { app: service },
    address: "127.0.0.1",
    inboundPort: 15_006 + id,
    appPort: 9000,
    protocol: "http",
    morePorts: [],
    locality: undefined,
    servesSinceMs: 0,
    isDraining: false,
    leaseEndsAtMs: 100,
    certificateNotAfterMs: undefined,
  }));
}

const quiet: LossSituation = {
  ended: [],
  held: [],
  silent: [],
  justGone: [],
  countEndpoints: () => 4,
  isUsed: () => true,
  connectedProxies: 10,
  lostProxies: 1,
  maxLossPercent: 50,
  nowMs: 100,
};

/** How many of so many are held. */
function held(change: Partial<LossSituation>): number {
  return holdLosses({ ...quiet, ...change }).size;
}

test("half of a service's endpoints may go, more may not", () => {
  assert.equal(held({ ended: instances("reviews", 1, 2) }), 0);
  assert.equal(held({ ended: instances("reviews", 1, 2, 3) }), 3);
  assert.equal(held({ ended: instances("reviews", 1), countEndpoints: () => 1 }), 1);
});

test("what went one after the other counts together", () => {
  const justGone = instances("reviews", 1, 2);
  assert.equal(held({ ended: instances("reviews", 3), justGone, countEndpoints: () => 2 }), 1);
});

test("those who may be next count, so that the first are not let go before the others follow", () => {
  const [first, ...others] = instances("reviews", 1, 2, 3, 4);
  assert.ok(first);
  assert.equal(held({ ended: [first], silent: others }), 1);
  assert.equal(held({ ended: [first], silent: others.slice(0, 1) }), 0);
});

test("when enough have come back, the others are let go, unless somebody said that they stay", () => {
  const hold = { id: "shop.reviews-1", sinceMs: 50, endpointsBefore: 4 };
  const three = instances("reviews", 1, 2, 3).map((one) => ({ ...one, hold }));
  assert.deepEqual(releaseHeld({ ...quiet, held: three }), []);
  assert.equal(releaseHeld({ ...quiet, held: three.slice(1) }).length, 2);
  const kept = three.slice(1).map((one) => ({ ...one, hold: { ...hold, dismissedBy: "ada" } }));
  assert.deepEqual(releaseHeld({ ...quiet, held: kept }), []);
});

test("further losses join the hold that is there", () => {
  const hold = { id: "shop.reviews-1", sinceMs: 50, endpointsBefore: 4 };
  const before = instances("reviews", 1, 2, 3).map((one) => ({ ...one, hold }));
  const found = holdLosses({ ...quiet, held: before, ended: instances("reviews", 4) });
  assert.deepEqual([...found.values()], [hold]);
});

test("a service nobody uses loses its endpoints, unless most proxies fell silent together", () => {
  const ended = instances("reviews", 1, 2, 3, 4);
  assert.equal(held({ ended, isUsed: () => false }), 0);
  assert.equal(held({ ended, isUsed: () => false, lostProxies: 4, connectedProxies: 3 }), 4);
});

test("one that drains, or serves nobody, may go", () => {
  const [draining, caller] = instances("reviews", 1, 2);
  assert.ok(draining && caller);
  const ended = [
    { ...draining, isDraining: true },
    { ...caller, appPort: undefined },
  ];
  assert.equal(held({ ended, countEndpoints: () => 1 }), 0);
});

test("how much may be lost is set: nothing at 0, everything at 100", () => {
  assert.equal(held({ ended: instances("reviews", 1), maxLossPercent: 0 }), 1);
  const all = instances("reviews", 1, 2, 3, 4);
  assert.equal(held({ ended: all, maxLossPercent: 100, lostProxies: 4 }), 0);
});
