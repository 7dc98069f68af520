import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasRetryRoom, RetryBudgetLedger } from "./retry-budget.ts";

test("retries never exceed their share of the last ten seconds plus the floor", () => {
  const step = fc.record({
    waitMs: fc.oneof(fc.nat(5), fc.nat(3000)),
    requests: fc.nat(60),
    retries: fc.nat(60),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(10),
      (steps, ratio, floor) => {
        const ledger = new RetryBudgetLedger(ratio, floor);
        const requestsAt: number[] = [];
        const retriesAt: number[] = [];
        let nowMs = 1_000_000;
        for (const { waitMs, requests, retries } of steps) {
          nowMs += waitMs;
          for (let index = 0; index < requests; index++) {
            ledger.onRequest(nowMs);
            requestsAt.push(nowMs);
          }
          for (let index = 0; index < retries; index++) {
            if (ledger.tryRetry(nowMs)) retriesAt.push(nowMs);
          }
          const startMs = nowMs - 10_000;
          const recent = (times: readonly number[]) => times.filter((one) => one > startMs).length;
          assert.ok(
            recent(retriesAt) <=
              recent(requestsAt) * ratio + floor * 10 + retriesInFirstSecond(retriesAt, startMs),
          );
        }
      },
    ),
  );
});

/** Slots are whole seconds: up to one of them is forgotten early. */
function retriesInFirstSecond(times: readonly number[], startMs: number): number {
  return times.filter((one) => one > startMs && one <= startMs + 1000).length;
}

test("a service nobody calls much may still be tried again: the floor", () => {
  const ledger = new RetryBudgetLedger();
  ledger.onRequest(0);
  const granted = Array.from({ length: 100 }, () => ledger.tryRetry(0)).filter(Boolean).length;
  assert.equal(granted, 30);
});

test("when everything fails at once, retries add a fifth and not a double (§5 pain 2)", () => {
  const ledger = new RetryBudgetLedger();
  let retries = 0;
  for (let ms = 0; ms < 60_000; ms++) {
    ledger.onRequest(ms);
    for (let attempt = 0; attempt < 2; attempt++) if (ledger.tryRetry(ms)) retries++;
  }
  assert.ok(retries <= 60_000 * 0.2 + 3 * 60 + 2000 && retries > 60_000 * 0.2, String(retries));
});

test("what is spent comes back after ten quiet seconds", () => {
  const ledger = new RetryBudgetLedger(0.2, 3);
  while (ledger.tryRetry(5000));
  assert.equal(ledger.tryRetry(14_000), false);
  assert.equal(ledger.tryRetry(15_000), true);
});

test("a ratio and floor of 0 allow none", () => {
  const ledger = new RetryBudgetLedger(0, 0);
  ledger.onRequest(0);
  assert.equal(ledger.tryRetry(0), false);
});

test("a DestinationRule's budget counts what is under way (Envoy)", () => {
  const budget = { ratio: 0.2, minConcurrency: 3 };
  assert.deepEqual(
    [
      hasRetryRoom(budget, 1, 2),
      hasRetryRoom(budget, 1, 3),
      hasRetryRoom(budget, 100, 19),
      hasRetryRoom(budget, 100, 20),
    ],
    [true, false, true, false],
  );
});
