import assert from "node:assert/strict";
import { test } from "node:test";
import { stepToChange } from "./step-to-change.ts";

const changes = [{ createdAtMs: 300 }, { createdAtMs: 200 }, { createdAtMs: 100 }]; // newest first

test("from now one step back leads to the newest change, and further back to those before", () => {
  assert.equal(stepToChange(changes, undefined, "before"), 300);
  assert.equal(stepToChange(changes, 300, "before"), 200);
  assert.equal(stepToChange(changes, 250, "before"), 200);
});

test("before the first change there is nowhere to go, and without any now stays now", () => {
  assert.equal(stepToChange(changes, 100, "before"), 100);
  assert.equal(stepToChange([], undefined, "before"), undefined);
});

test("forwards it leads from change to change, and after the last one back to now", () => {
  assert.equal(stepToChange(changes, 100, "after"), 200);
  assert.equal(stepToChange(changes, 300, "after"), undefined);
  assert.equal(stepToChange(changes, undefined, "after"), undefined);
});
