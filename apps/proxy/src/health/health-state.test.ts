import assert from "node:assert/strict";
import { test } from "node:test";
import { type HealthState, onCheck } from "./health-state.ts";

const thresholds = { healthyThreshold: 2, unhealthyThreshold: 3 };
const start: HealthState = { status: "unknown", sinceMs: 0, reason: "not yet", against: 0 };

/** `+` a success, `-` a failure, one a millisecond. */
function after(checks: string): HealthState {
  let state = start;
  for (const [index, check] of [...checks].entries()) {
    state = onCheck(state, { failure: check === "+" ? undefined : "503" }, thresholds, index + 1);
  }
  return state;
}

const cases: Readonly<Record<string, readonly [HealthState["status"], number]>> = {
  "": ["unknown", 0],
  "+": ["healthy", 1],
  "-": ["unhealthy", 1],
  "+--": ["healthy", 1],
  "+---": ["unhealthy", 4],
  "+--+--": ["healthy", 1],
  "-+": ["unhealthy", 1],
  "-++": ["healthy", 3],
  "-+-+": ["unhealthy", 1],
};
for (const [checks, [status, sinceMs]] of Object.entries(cases)) {
  test(`after "${checks}" an app is ${status} since ${sinceMs}`, () => {
    const state = after(checks);
    assert.deepEqual([state.status, state.sinceMs], [status, sinceMs]);
  });
}

test("an app that is well has no reason, one that is not says the newest", () => {
  assert.equal(after("+").reason, undefined);
  const worse = onCheck(after("-"), { failure: "nobody listens" }, thresholds, 9);
  assert.equal(worse.reason, "nobody listens");
});
