import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "../routing/route.ts";
import { isWithin, type LocalityPlan, planLocalities } from "./locality.ts";
import type { LocalityPolicy } from "./traffic-policy.ts";

const at = (locality: string | undefined, labels: Record<string, string> = {}): Endpoint => ({
  id: `${locality}`,
  workload: "web",
  namespace: "shop",
  labels,
  address: "10.0.0.1",
  port: 80,
  identity: undefined,
  locality,
});
const OWN = { locality: "eu/a/1", labels: { app: "web", network: "n1", version: "v2" } };
const failover = (
  map: Record<string, string> = {},
  priorityLabels: string[] = [],
): LocalityPolicy => ({ kind: "failover", failover: map, priorityLabels });

/** `same zone: 0,2 > same region: 1`, or with weights `eu/a/*=80: 0`. */
function show(plan: LocalityPlan): string {
  if (plan.kind === "one") return "one";
  const weights = plan.kind === "weighted" ? plan.weights : undefined;
  return plan.groups
    .map(({ name, members }, i) => `${name}${weights ? `=${weights[i]}` : ""}: ${members.join()}`)
    .join(plan.kind === "weighted" ? " | " : " > ");
}

const EVERYWHERE = ["us/x/1", "eu/b/1", "eu/a/2", "eu/a/1", "asia/y/1", undefined].map((one) =>
  at(one),
);
const NEAREST = "same subzone: 3 > same zone: 2 > same region: 1 > other region: 0,4,5";

const cases: readonly [
  title: string,
  policy: LocalityPolicy | undefined,
  hasDetection: boolean,
  own: string | undefined,
  plan: string,
][] = [
  ["no rule, with outlier detection: nearest first", undefined, true, "eu/a/1", NEAREST],
  ["no rule and no outlier detection: all alike", undefined, false, "eu/a/1", "one"],
  [
    "failover without outlier detection has no effect",
    failover({ eu: "us" }),
    false,
    "eu/a/1",
    "one",
  ],
  ["localityLbSetting.enabled: false", { kind: "off" }, true, "eu/a/1", "one"],
  ["an unknown locality of the caller: all alike", undefined, true, undefined, "one"],
  ["an empty failover: nearest first", failover(), true, "eu/a/1", NEAREST],
  [
    "failover from eu to us: other regions come last",
    failover({ eu: "us" }),
    true,
    "eu/a/1",
    "same subzone: 3 > same zone: 2 > same region: 1 > other region: 0 > last resort: 4,5",
  ],
  [
    "failover for another region says nothing of ours",
    failover({ us: "eu" }),
    true,
    "eu/a/1",
    NEAREST,
  ],
  [
    "priorities are compacted",
    failover(),
    true,
    "us/z/9",
    "same region: 0 > other region: 1,2,3,4,5",
  ],
  ["a caller that is alone where it is", failover(), true, "mars/m/1", "one"],
];
for (const [title, policy, hasDetection, locality, expected] of cases) {
  test(title, () => {
    const origin = { locality, labels: OWN.labels };
    assert.equal(show(planLocalities(EVERYWHERE, policy, origin, hasDetection)), expected);
  });
}

test("endpoints that say nothing of their locality are all alike", () => {
  const plan = planLocalities([at(undefined), at(undefined)], undefined, OWN, true);
  assert.equal(plan.kind, "one");
});

const labelled = [
  at("eu/a/1", { network: "n1", version: "v1" }),
  at("eu/b/1", { network: "n1", version: "v2" }),
  at("us/x/1", { network: "n2", version: "v2" }),
];
const labelCases: readonly [labels: string[], failoverTo: Record<string, string>, plan: string][] =
  [
    [
      ["network", "version"],
      {},
      "2 of 2 priority labels: 1 > 1 of 2 priority labels: 0 > 0 of 2 priority labels: 2",
    ],
    [
      ["version", "network"],
      {},
      "2 of 2 priority labels: 1 > 1 of 2 priority labels: 2 > 0 of 2 priority labels: 0",
    ],
    [["version=v1"], {}, "1 of 1 priority labels: 0 > 0 of 1 priority labels: 1,2"],
    [
      ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"],
      {},
      "2 of 2 priority labels: 0 > 1 of 2 priority labels: 1 > 0 of 2 priority labels: 2",
    ],
    [["app"], {}, "one"], // nobody carries it
    [
      ["app"],
      { eu: "asia" },
      "0 of 1 priority labels: 0,1 > 0 of 1 priority labels, last resort: 2",
    ],
  ];
for (const [labels, map, expected] of labelCases) {
  test(`failoverPriority ${labels.join()} ${JSON.stringify(map)} gives ${expected}`, () => {
    assert.equal(show(planLocalities(labelled, failover(map, labels), OWN, true)), expected);
  });
}

const distribute = (to: Record<string, number>, from = "eu/a/*"): LocalityPolicy => ({
  kind: "distribute",
  from: [{ from, to }],
});
const distributions: readonly [policy: LocalityPolicy, own: string | undefined, plan: string][] = [
  [distribute({ "eu/a/*": 80, "eu/b/*": 20 }), "eu/a/1", "eu/a/*=80: 2,3 | eu/b/*=20: 1"],
  [distribute({ "eu/*": 30, "eu/a/1": 70 }), "eu/a/1", "eu/a/1=70: 3 | eu/*=30: 1,2"],
  [distribute({ "eu/a/*": 60, "*": 40 }), "eu/a/1", "eu/a/*=60: 2,3 | *=40: 0,1,4,5"],
  [distribute({ "mars/*": 100 }), "eu/a/1", ""], // nobody there: nobody may serve
  [distribute({ "eu/b/*": 100 }, "us/*"), "eu/a/1", "one"], // no rule for the caller
  [distribute({ "eu/b/*": 100 }), undefined, "one"],
];
for (const [policy, own, expected] of distributions) {
  test(`${JSON.stringify(policy)} from ${own} gives "${expected}"`, () => {
    const origin = { locality: own, labels: {} };
    assert.equal(show(planLocalities(EVERYWHERE, policy, origin, false)), expected);
  });
}

const patterns: readonly [pattern: string, locality: string, holds: boolean][] = [
  ["*", "eu/a/1", true],
  ["eu/*", "eu/a/1", true],
  ["eu/*", "europe/a/1", false],
  ["eu", "eu/a/1", true],
  ["eu/a/*", "eu/a/1", true],
  ["eu/a/*", "eu/b/1", false],
  ["eu/a/1", "eu/a/1", true],
  ["eu/a/1", "eu/a", false],
  ["eu/*/1", "eu/b/1", true],
];
for (const [pattern, locality, holds] of patterns) {
  test(`${locality} ${holds ? "lies" : "does not lie"} within ${pattern}`, () => {
    assert.equal(isWithin(pattern, locality), holds);
  });
}
