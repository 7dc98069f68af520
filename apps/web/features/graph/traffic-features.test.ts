import assert from "node:assert/strict";
import { test } from "node:test";
import type { TrafficFeature } from "@heddle/contracts";
import { badgesOf, badgeTitle, featuresFor, trafficOf } from "./traffic-features.ts";

function feature(kind: TrafficFeature["kind"], namespaces?: string[]): TrafficFeature {
  return {
    kind,
    detail: `a ${kind}`,
    document: { kind: "VirtualService", namespace: "shop", name: "reviews" },
    revision: 3,
    ...(namespaces === undefined ? {} : { source: { namespaces } }),
  };
}

const breaker = {
  source: { namespace: "shop", name: "storefront-v1" },
  endpointId: "e1",
  state: "ejected",
  reason: "5 times 503 in a row",
  sinceMs: 1,
} as const;

test("what deviates comes before what is only set, one badge a kind", () => {
  const features = [feature("retry"), feature("timeout"), feature("retry"), feature("fault")];
  const badges = badgesOf({ features, openBreakers: [] });
  assert.deepEqual(
    badges.map(({ kind }) => kind),
    ["fault", "timeout", "retry"],
  );
  assert.equal(badges[2]?.features.length, 2);
});

test("an open breaker shows though no rule asks for one", () => {
  const [badge] = badgesOf({ features: [], openBreakers: [breaker] });
  assert.equal(badge?.isOpen, true);
  assert.match(badge === undefined ? "" : badgeTitle(badge), /Circuit breaker open/);
});

test("a rule for callers of another namespace is not this caller's", () => {
  const traffic = { features: [feature("fault", ["bank"]), feature("timeout")], openBreakers: [] };
  assert.deepEqual(
    featuresFor(traffic, { namespace: "shop" }).map(({ kind }) => kind),
    ["timeout"],
  );
});

test("a service without rules has none", () => {
  const answer = { revision: 1, services: [] };
  assert.deepEqual(trafficOf(answer, { namespace: "shop", service: "cart" }).features, []);
});
