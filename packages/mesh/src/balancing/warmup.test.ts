import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { warmupFactor } from "./warmup.ts";

const cases: readonly [ageMs: number, minimumRatio: number, aggression: number, factor: number][] =
  [
    [-5000, 0.1, 1, 0.1], // a clock ahead of ours
    [0, 0.1, 1, 0.1],
    [1000, 0.1, 1, 0.1],
    [5000, 0.1, 1, 0.5],
    [2500, 0.1, 2, 0.5],
    [9999, 0.1, 1, 0.9999],
    [10_000, 0.1, 1, 1],
    [1e12, 0.1, 1, 1],
    [0, 0, 1, 0.01], // never nothing: it would never be tried
  ];
for (const [ageMs, minimumRatio, aggression, factor] of cases) {
  test(`${ageMs} ms into 10 s of warm-up with aggression ${aggression} gives ${factor}`, () => {
    const actual = warmupFactor({ durationMs: 10_000, minimumRatio, aggression }, ageMs);
    assert.ok(Math.abs(actual - factor) < 1e-9, String(actual));
  });
}

test("the factor never falls as an endpoint grows older", () => {
  const warmup = fc.record({
    durationMs: fc.integer({ min: 1, max: 600_000 }),
    minimumRatio: fc.double({ min: 0, max: 1, noNaN: true }),
    aggression: fc.double({ min: 0.1, max: 10, noNaN: true }),
  });
  fc.assert(
    fc.property(warmup, fc.nat(700_000), fc.nat(700_000), (policy, age, more) => {
      const younger = warmupFactor(policy, age);
      assert.ok(younger > 0 && younger <= warmupFactor(policy, age + more));
    }),
  );
});
