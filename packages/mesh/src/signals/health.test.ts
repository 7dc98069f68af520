import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatPercent, type HealthEvidence, type HealthMemory, judgeHealth } from "./health.ts";
import { wilsonInterval } from "./wilson-interval.ts";

function counted(
  requests: number,
  errors: number,
  more: Partial<HealthEvidence> = {},
): HealthEvidence {
  return { requests, errors, ownErrors: errors, becauseOf: undefined, isReported: true, ...more };
}

function after(evidence: HealthEvidence, fromMs = 0, before?: HealthMemory): HealthMemory {
  return judgeHealth(before, evidence, fromMs);
}

const firstVerdicts: [string, HealthEvidence, string, string][] = [
  ["nothing failed", counted(126, 0), "healthy", "None of 126 requests failed"],
  ["the interval is past 5 %", counted(126, 18), "failing", "14 % of 126 requests failed"],
  [
    "the share is past 5 %, its interval is not",
    counted(126, 8),
    "degraded",
    "6.3 % of 126 requests failed",
  ],
  ["one bad request in a quiet minute", counted(3, 1), "healthy", "1 of 3 failed"],
  ["all of 19 failed", counted(19, 19), "healthy", "19 of 19 failed"],
  ["all of 20 failed", counted(20, 20), "failing", "100 % of 20 requests failed"],
  [
    "the interval is past 0.5 %",
    counted(10_000, 80),
    "degraded",
    "0.8 % of 10,000 requests failed",
  ],
  ["the share is 0.5 %", counted(10_000, 50), "healthy", "0.5 % of 10,000 requests failed"],
  ["there were no requests", counted(0, 0), "idle", "No requests in the last 30 s"],
  [
    "the errors come from below",
    counted(126, 40, { ownErrors: 0, becauseOf: "payments-v2" }),
    "degraded",
    "32 % of 126 requests failed because of payments-v2",
  ],
  ["no proxy reports", counted(10, 10, { isReported: false }), "unknown", "No proxy reports on it"],
];
for (const [when, evidence, state, reason] of firstVerdicts) {
  test(`is ${state} when ${when}`, () => {
    assert.deepEqual(after(evidence, 7).health, { state, sinceMs: 7, reason });
  });
}

test("gets worse at once and better only after 10 s of proof", () => {
  let memory = after(counted(1000, 0), 0);
  memory = judgeHealth(memory, counted(1000, 200), 1000);
  assert.deepEqual([memory.health.state, memory.health.sinceMs], ["failing", 1000]);
  for (let nowMs = 2000; nowMs < 12_000; nowMs += 1000) {
    memory = judgeHealth(memory, counted(1000, 0), nowMs);
    assert.equal(memory.health.state, "failing", `after ${nowMs - 2000} ms of proof`);
  }
  memory = judgeHealth(memory, counted(1000, 0), 12_000);
  assert.deepEqual([memory.health.state, memory.health.sinceMs], ["healthy", 12_000]);
});

test("starts the proof anew when a failure comes in between", () => {
  let memory = after(counted(1000, 200), 0);
  memory = judgeHealth(memory, counted(1000, 0), 1000);
  memory = judgeHealth(memory, counted(1000, 100), 9000);
  memory = judgeHealth(memory, counted(1000, 0), 10_000);
  memory = judgeHealth(memory, counted(1000, 0), 19_000);
  assert.equal(memory.health.state, "failing");
});

test("goes back from failing to degraded while some still fail", () => {
  let memory = after(counted(1000, 200), 0);
  memory = judgeHealth(memory, counted(1000, 20), 1000);
  memory = judgeHealth(memory, counted(1000, 20), 11_000);
  assert.equal(memory.health.state, "degraded");
});

test("a quiet edge that fails no more becomes healthy, though 0.5 % cannot be proven", () => {
  let memory = after(counted(40, 40), 0);
  memory = judgeHealth(memory, counted(4, 0), 1000);
  memory = judgeHealth(memory, counted(4, 0), 11_000);
  assert.equal(memory.health.state, "healthy");
});

test("never gets better within 10 s of traffic, whatever the counts", () => {
  const severity = { unknown: 0, idle: 0, healthy: 0, degraded: 1, failing: 2 };
  const evidence = fc
    .tuple(fc.integer({ min: 1, max: 5000 }), fc.float({ min: 0, max: 1, noNaN: true }))
    .map(([requests, ratio]) => counted(requests, Math.round(requests * ratio)));
  fc.assert(
    fc.property(fc.array(evidence, { minLength: 2, maxLength: 10 }), (steps) => {
      let memory: HealthMemory | undefined;
      let worst = 0;
      steps.forEach((step, i) => {
        memory = judgeHealth(memory, step, i * 1000);
        const level = severity[memory.health.state];
        assert.ok(level >= worst);
        worst = level;
      });
    }),
  );
});

test("the interval holds the share, lies in 0 to 1 and narrows with more requests", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.nat({ max: 10_000 }), (whole, draw) => {
      const part = draw % (whole + 1);
      const { lower, upper } = wilsonInterval(part, whole);
      assert.ok(0 <= lower && lower <= part / whole && part / whole <= upper && upper <= 1);
      const more = wilsonInterval(part * 10, whole * 10);
      assert.ok(more.upper - more.lower <= upper - lower);
    }),
  );
});

const percents = {
  0: "0 %",
  0.0004: "< 0.1 %",
  0.087: "8.7 %",
  0.0999: "10 %",
  0.14: "14 %",
  0.9996: "> 99.9 %",
  1: "100 %",
};
for (const [ratio, text] of Object.entries(percents)) {
  test(`writes the share ${ratio} as ${text}`, () =>
    assert.equal(formatPercent(Number(ratio)), text));
}
