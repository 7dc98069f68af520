import assert from "node:assert/strict";
import { test } from "node:test";
import { suspectChange } from "./suspect-change.ts";

const STEP_MS = 30_000;

function steps(...ratios: readonly number[]) {
  return ratios.map((errorRatio, index) => ({
    startMs: index * STEP_MS,
    requests: 500,
    errorRatio,
  }));
}

const change = (createdAtMs: number) => ({ createdAtMs });

test("suspects the newest change before the first red step, and says how long before", () => {
  const changes = [change(200_000), change(70_000), change(5000)]; // newest first
  assert.deepEqual(suspectChange(changes, steps(0, 0, 0.001, 0.3, 0.3), STEP_MS), {
    change: changes[1],
    beforeMs: 20_000,
  });
});

test("a change within the first red step counts as before it", () => {
  const changes = [change(65_000)];
  assert.equal(suspectChange(changes, steps(0, 0, 0.3), STEP_MS)?.beforeMs, 0);
});

test("of two reds the latest is explained", () => {
  const changes = [change(110_000), change(25_000)];
  const found = suspectChange(changes, steps(0, 0.4, 0, 0, 0.4), STEP_MS);
  assert.equal(found?.change, changes[0]);
});

const nobodyIsSuspected = {
  "nothing is red": suspectChange([change(1000)], steps(0, 0.01, 0), STEP_MS),
  "it was red before the window began": suspectChange([change(1000)], steps(0.4, 0.4), STEP_MS),
  "nothing changed before it": suspectChange([change(100_000)], steps(0, 0.4, 0), STEP_MS),
  "the red stands on three requests": suspectChange(
    [change(1000)],
    [...steps(0), { startMs: STEP_MS, requests: 3, errorRatio: 1 }],
    STEP_MS,
  ),
};
for (const [when, found] of Object.entries(nobodyIsSuspected)) {
  test(`suspects no change when ${when}`, () => assert.equal(found, undefined));
}
