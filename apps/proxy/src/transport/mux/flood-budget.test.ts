import assert from "node:assert/strict";
import { test } from "node:test";
import { FloodBudget } from "./flood-budget.ts";
import { MuxError } from "./mux-error.ts";

function spendAll(budget: FloodBudget, nowMs: number): number {
  for (let count = 0; ; count++) {
    try {
      budget.spend(nowMs);
    } catch (error) {
      assert.ok(error instanceof MuxError);
      return count;
    }
  }
}

test("a peer may send a burst of ten thousand costly frames, and one more each millisecond", () => {
  const budget = new FloodBudget(0);
  assert.equal(spendAll(budget, 0), 10_000);
  assert.equal(spendAll(budget, 500), 499, "the frame that was too many is paid for as well");
});

test("a long silence earns no more than one burst", () => {
  assert.equal(spendAll(new FloodBudget(0), 3_600_000), 10_000);
});
