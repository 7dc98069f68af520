import assert from "node:assert/strict";
import { test } from "node:test";
import { type Misbehaviour, simulateBalancing } from "./balancing-simulation.ts";
import type { TrafficPolicy } from "./traffic-policy.ts";

const ROUND_ROBIN: TrafficPolicy = { loadBalancer: { algorithm: { kind: "round-robin" } } };
const ewma = (failurePenaltyMs: number): TrafficPolicy => ({
  loadBalancer: { algorithm: { kind: "peak-ewma", decayMs: 10_000, failurePenaltyMs } },
});
const EJECTING: TrafficPolicy = {
  outlierDetection: {
    consecutive5xxErrors: 7,
    consecutiveGatewayErrors: 0,
    consecutiveLocalOriginFailures: 0,
    splitsLocalOrigin: false,
    errorCodes: [],
    intervalMs: 10_000,
    baseEjectionMs: 30_000,
    maxEjectionRatio: 0.1,
    minHealthRatio: 0,
  },
};

/** Four runs with different draws; each must hold, not their mean. */
function everyRun(policy: TrafficPolicy, misbehaviour: Misbehaviour) {
  return [1, 2, 3, 4].map((seed) => simulateBalancing(policy, misbehaviour, seed));
}

test("with one of 11 stalled, peak EWMA answers 99.8 % within a second, round robin 95.5 %", () => {
  for (const { successRatio } of everyRun(ewma(5000), "stalls")) assert.ok(successRatio >= 0.998);
  for (const { successRatio } of everyRun(ROUND_ROBIN, "stalls")) {
    assert.ok(Math.abs(successRatio - 0.955) < 0.002);
  }
});

test("one of 11 that fails in 1 ms gets under 0.1 % with the penalty, and double its share without", () => {
  for (const { badShare } of everyRun(ewma(5000), "fails-fast")) assert.ok(badShare < 0.001);
  for (const { badShare } of everyRun(ewma(0), "fails-fast")) assert.ok(badShare > 0.15);
  for (const { badShare } of everyRun({}, "fails-fast")) assert.ok(badShare > 0.15);
});

test("two choices with ejection keep a stalled and a failing endpoint under 0.2 %", () => {
  for (const misbehaviour of ["stalls", "fails-fast"] as const) {
    for (const { badShare } of everyRun(EJECTING, misbehaviour)) assert.ok(badShare < 0.002);
  }
});
