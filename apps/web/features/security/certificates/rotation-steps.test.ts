import assert from "node:assert/strict";
import { test } from "node:test";
import { stepPlace } from "./rotation-steps.ts";

const steps = ["trusting", "signing", "retiring", "done"] as const;

test("steps before the one under way are done, those after it are to come", () => {
  assert.deepEqual(
    steps.map((step) => stepPlace(steps, "signing", step)),
    ["done", "now", "later", "later"],
  );
});

test("the last step counts as done once it is reached", () => {
  assert.deepEqual(
    steps.map((step) => stepPlace(steps, "done", step)),
    ["done", "done", "done", "done"],
  );
});
