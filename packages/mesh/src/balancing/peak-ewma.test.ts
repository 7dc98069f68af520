import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Outcome } from "./outcome.ts";
import {
  expectedCost,
  freshEstimate,
  INITIAL_LATENCY_MS,
  observeLatency,
  observeOutcome,
  parseRetryAfterMs,
  readEstimate,
} from "./peak-ewma.ts";

const DECAY_MS = 10_000;
const POLICY = { decayMs: DECAY_MS, failurePenaltyMs: 5000 };

test("a peak replaces the estimate at once", () => {
  const estimate = freshEstimate(0);
  observeLatency(estimate, 900, 5, DECAY_MS);
  assert.equal(readEstimate(estimate, 5, DECAY_MS), 900);
});

test("lower latencies draw the estimate down by the time that has passed", () => {
  const estimate = freshEstimate(0);
  observeLatency(estimate, 1000, 0, DECAY_MS);
  observeLatency(estimate, 100, DECAY_MS, DECAY_MS);
  const expected = 1000 / Math.E + 100 * (1 - 1 / Math.E);
  assert.ok(Math.abs(readEstimate(estimate, DECAY_MS, DECAY_MS) - expected) < 1e-9);
});

test("an endpoint that is left alone becomes attractive again", () => {
  const estimate = freshEstimate(0);
  observeLatency(estimate, 5000, 0, DECAY_MS);
  assert.ok(readEstimate(estimate, 60_000, DECAY_MS) < INITIAL_LATENCY_MS);
});

const outcomes: readonly [Outcome, latencyMs: number, retryAfterMs: number, countsAs: number][] = [
  [200, 40, 0, 40],
  [404, 40, 0, 40],
  [429, 1, 0, 5000],
  [500, 1, 0, 5000],
  [503, 1, 60_000, 60_000],
  [503, 1, 9_000_000, 300_000],
  [503, 8000, 0, 8000],
  ["connect-failure", 1, 0, 5000],
  ["timeout", 1000, 0, 5000],
  ["cancelled", 700, 0, 700],
  [200, 40, 60_000, 40], // Retry-After on a success is no refusal
];
for (const [outcome, latencyMs, retryAfterMs, countsAs] of outcomes) {
  test(`${outcome} after ${latencyMs} ms, Retry-After ${retryAfterMs} ms, counts as ${countsAs} ms`, () => {
    const estimate = freshEstimate(0);
    observeOutcome(estimate, outcome, latencyMs, retryAfterMs, POLICY, 0);
    assert.equal(readEstimate(estimate, 0, DECAY_MS), countsAs);
  });
}

test("a failed answer never makes an endpoint cheaper, whatever has been before", () => {
  const latency = fc.integer({ min: 0, max: 60_000 });
  const seen = fc.array(fc.record({ latencyMs: latency, gapMs: fc.nat(30_000) }), { maxLength: 8 });
  const failure = fc.constantFrom<Outcome>(429, 500, 503, "reset", "connect-failure", "timeout");
  const load = fc.nat(100);
  fc.assert(
    fc.property(seen, failure, latency, load, load, (history, outcome, latencyMs, own, other) => {
      const estimate = freshEstimate(0);
      let nowMs = 0;
      for (const { latencyMs, gapMs } of history) {
        nowMs += gapMs;
        observeOutcome(estimate, 200, latencyMs, 0, POLICY, nowMs);
      }
      const before = expectedCost(estimate, own, other, nowMs, DECAY_MS);
      observeOutcome(estimate, outcome, latencyMs, 0, POLICY, nowMs);
      assert.ok(expectedCost(estimate, own, other, nowMs, DECAY_MS) >= before);
    }),
  );
});

test("an endpoint that fails gains nothing by being empty, until it succeeds", () => {
  const estimate = freshEstimate(0);
  observeOutcome(estimate, 503, 1, 0, POLICY, 0);
  assert.equal(expectedCost(estimate, 0, 19, 0, DECAY_MS), 5000 * 20);
  observeOutcome(estimate, "cancelled", 1, 0, POLICY, 0);
  assert.equal(expectedCost(estimate, 0, 19, 0, DECAY_MS), 5000 * 20);
  observeOutcome(estimate, 200, 1, 0, POLICY, 0);
  assert.equal(expectedCost(estimate, 0, 19, 0, DECAY_MS), 5000);
});

const NOW_MS = Date.parse("2026-11-21T15:00:00Z");
const retryAfters: readonly [string | undefined, number][] = [
  [undefined, 0],
  ["0", 0],
  ["120", 120_000],
  ["-1", 0],
  ["soon", 0],
  ["Sat, 21 Nov 2026 15:02:00 GMT", 120_000],
  ["Sat, 21 Nov 2026 14:00:00 GMT", 0],
];
for (const [value, ms] of retryAfters) {
  test(`Retry-After ${value} asks for ${ms} ms`, () => {
    assert.equal(parseRetryAfterMs(value, NOW_MS), ms);
  });
}
