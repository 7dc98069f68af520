import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkloadResource } from "@heddle/contracts";
import type { RateLimit, RecordedRequest } from "@heddle/mesh";
import type { EndedSample } from "./ended-sample.ts";
import { limitTraffic } from "./limit-traffic.ts";

const LIMIT: RateLimit = {
  ...{
    name: "all",
    matches: [],
    requests: 5,
    windowMs: 1000,
    burst: 5,
    isShadow: false,
    rule: "r",
  },
};

function workload(...rateLimits: RateLimit[]): WorkloadResource {
  return {
    ...{ kind: "workload", key: "workload/shop/reviews", version: "1", mtlsMode: "PERMISSIVE" },
    ...{ workload: { namespace: "shop", name: "reviews" }, rateLimits },
  } as WorkloadResource;
}

/** Evenly over the seconds. */
function requests(
  perSecond: number,
  seconds: number,
  more: { weight?: number; status?: number } = {},
) {
  return Array.from({ length: perSecond * seconds }, (_, index): EndedSample => {
    const startMs = 1_000_000 + (index * 1000) / perSecond;
    const sample = { weight: 1, status: 200, source: "shop/web", address: null, ...more, startMs };
    const known: Partial<RecordedRequest> = {
      ...{ method: "GET", path: "/", knowsHeader: () => false, header: () => undefined },
    };
    return {
      sample: sample as EndedSample["sample"],
      service: { namespace: "shop", name: "reviews" },
      end: { kind: "same", ratio: 1 },
      arrival: { workload: "shop/reviews", request: known as RecordedRequest },
    };
  });
}

function limited(ends: EndedSample[], before: RateLimit[], after: RateLimit[], instances = 1) {
  const pair = { before: workload(...before), after: workload(...after) };
  const context = { accessOf: () => pair, instancesOf: () => instances };
  const counts: Record<string, number> = {};
  for (const { end, sample } of limitTraffic(ends, context).ends) {
    counts[end.kind] = (counts[end.kind] ?? 0) + end.ratio * sample.weight;
  }
  return Object.fromEntries(Object.entries(counts).map(([kind, sum]) => [kind, Math.round(sum)]));
}

const cases: Record<string, readonly [unknown, unknown]> = {
  "what is above a limit finds no room, after the burst": [
    limited(requests(20, 10), [], [LIMIT]),
    { same: 55, "rate-limited": 145 },
  ],
  "each proxy of a workload has buckets of its own": [
    limited(requests(20, 10), [], [LIMIT], 4),
    { same: 200 },
  ],
  "a sampled request counts as all it stands for": [
    limited(requests(1, 100, { weight: 20 }), [], [LIMIT]),
    { same: 505, "rate-limited": 1495 },
  ],
  "equal limits change nothing": [limited(requests(20, 10), [LIMIT], [LIMIT]), { same: 200 }],
  "what found no room finds some under a higher limit": [
    limited(
      [...requests(5, 10), ...requests(15, 10, { status: 429 })],
      [LIMIT],
      [{ ...LIMIT, requests: 10, burst: 10 }],
    ),
    { same: 140, recovered: 60 },
  ],
  "without its limit everything finds room": [
    limited(requests(10, 10, { status: 429 }), [LIMIT], []),
    { recovered: 100 },
  ],
  "a limit that only counts refuses nothing": [
    limited(requests(20, 10), [], [{ ...LIMIT, isShadow: true }]),
    { same: 200 },
  ],
  "a key that no span tells leaves it open": [
    limited(requests(20, 10), [], [{ ...LIMIT, key: { kind: "header", name: "x-user" } }]),
    { unknown: 200 },
  ],
};
for (const [title, [counted, expected]] of Object.entries(cases)) {
  test(title, () => assert.deepEqual(counted, expected));
}
