import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  effectiveTryTimeoutMs,
  expectedTimeoutMs,
  formatGrpcTimeout,
  hopTimeoutMs,
  lesserMs,
  parseGrpcTimeout,
} from "./deadline.ts";

const grpcCases: Record<string, number | undefined> = {
  "1H": 3_600_000,
  "2M": 120_000,
  "3S": 3000,
  "4m": 4,
  "5u": 0.005,
  "1000000n": 1,
  "0m": 0,
  "99999999H": 99_999_999 * 3_600_000,
  "100000000m": undefined,
  m: undefined,
  "5": undefined,
  "-1m": undefined,
  "1.5S": undefined,
  "1 m": undefined,
  "1h": undefined,
  "": undefined,
};
for (const [text, ms] of Object.entries(grpcCases)) {
  test(`grpc-timeout "${text}" is ${ms === undefined ? "no bound" : `${ms} ms`}`, () => {
    assert.equal(parseGrpcTimeout(text), ms);
  });
}

test("a formatted timeout is of the form, and says no more and hardly less", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), (ms) => {
      const parsed = parseGrpcTimeout(formatGrpcTimeout(ms));
      assert.ok(parsed !== undefined && parsed <= ms + 1e-6);
      assert.ok(parsed >= ms - Math.max(1, ms * 1e-3) || parsed === 99_999_999 * 3_600_000);
    }),
  );
});

const EXPECTED = "x-envoy-expected-rq-timeout-ms";
const OWN = "x-envoy-upstream-rq-timeout-ms";
const hopCases: [
  title: string,
  routeMs: number | undefined,
  headers: Record<string, string>,
  expected: number | undefined,
][] = [
  ["nothing bounds it", undefined, {}, undefined],
  ["the route's timeout", 500, {}, 500],
  ["what the caller waits for is less", 500, { [EXPECTED]: "200" }, 200],
  ["the caller waits longer than the route allows", 500, { [EXPECTED]: "900" }, 500],
  ["grpc-timeout up to the route's (1.3)", 500, { "grpc-timeout": "2S" }, 500],
  ["grpc-timeout alone", undefined, { "grpc-timeout": "2S" }, 2000],
  ["the least of all three", 500, { "grpc-timeout": "40m", [EXPECTED]: "50" }, 40],
  ["the request's own timeout replaces the route's", 500, { [OWN]: "900" }, 900],
  ["its 0 takes the route's away", 500, { [OWN]: "0" }, undefined],
  ["its 0 does not take the caller's away", 500, { [OWN]: "0", [EXPECTED]: "70" }, 70],
  ["what is no number is passed over", 500, { [OWN]: "-1", [EXPECTED]: "soon" }, 500],
  ["a deadline that has passed", 500, { "grpc-timeout": "0m" }, 0],
];
for (const [title, routeMs, headers, expected] of hopCases) {
  test(`a hop's bound: ${title}`, () => {
    assert.equal(
      hopTimeoutMs(routeMs, (name) => headers[name]),
      expected,
    );
  });
}

test("no hop is given more than the one before has left", () => {
  const bound = fc.option(fc.integer({ min: 1, max: 100_000 }), { nil: undefined });
  fc.assert(
    fc.property(bound, fc.array(fc.tuple(bound, fc.nat(1000))), (first, hops) => {
      let left = first;
      for (const [routeMs, spentMs] of hops) {
        const expected = expectedTimeoutMs(left, undefined);
        const header = (name: string) =>
          name === EXPECTED && expected !== undefined ? String(expected) : undefined;
        const hop = hopTimeoutMs(routeMs, header);
        if (expected !== undefined) assert.ok(hop !== undefined && hop <= expected);
        left = hop === undefined ? undefined : Math.max(1, hop - spentMs);
      }
    }),
  );
});

test("the lesser bound is the one that is there", () => {
  assert.deepEqual(
    [
      lesserMs(1, undefined),
      lesserMs(undefined, 2),
      lesserMs(2, 1),
      lesserMs(undefined, undefined),
    ],
    [1, 2, 1, undefined],
  );
});

test("a per-try timeout not shorter than the whole is ignored (1.3)", () => {
  assert.equal(effectiveTryTimeoutMs(100, 200), 100);
  assert.equal(effectiveTryTimeoutMs(200, 200), undefined);
  assert.equal(effectiveTryTimeoutMs(300, undefined), 300);
  assert.equal(effectiveTryTimeoutMs(0, 200), undefined);
});

test("the next hop is told the time for one try if that is less", () => {
  assert.deepEqual(
    [expectedTimeoutMs(90.9, 50), expectedTimeoutMs(90.9, undefined), expectedTimeoutMs(0.2, 50)],
    [50, 90, 1],
  );
});
