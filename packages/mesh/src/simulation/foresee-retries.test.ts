import assert from "node:assert/strict";
import { test } from "node:test";
import type { RetryPolicy } from "../routing/retry-policy.ts";
import { foreseeRetries, type RecordedTries } from "./foresee-retries.ts";

const NONE = { ...policy(0) };
const ON_5XX = policy(2, "5xx");

function policy(attempts: number, ...conditions: RetryPolicy["conditions"]): RetryPolicy {
  return {
    ...{ attempts, conditions, statusCodes: [], backoffBaseMs: 25 },
    ...{ avoidsPrevious: true, leavesLocality: false, idempotentOnly: false },
  };
}

const ended = (more: Partial<RecordedTries>): RecordedTries => ({
  ...{ method: "GET", status: 200, flags: "-", retries: 0 },
  ...more,
});

const cases: readonly [string, RecordedTries, RetryPolicy, RetryPolicy, string | undefined][] = [
  [
    "a 503 of the app under a rule that retries it",
    ended({ status: 503 }),
    NONE,
    ON_5XX,
    "retried",
  ],
  [
    "a 503 that was retried as often already",
    ended({ status: 503, retries: 2, flags: "URX" }),
    ON_5XX,
    ON_5XX,
    undefined,
  ],
  [
    "a 503 that may be retried more often",
    ended({ status: 503, retries: 2, flags: "URX" }),
    ON_5XX,
    policy(4, "5xx"),
    "retried",
  ],
  ["a 404", ended({ status: 404 }), NONE, ON_5XX, undefined],
  [
    "an injected fault, which no retry sees",
    ended({ status: 503, flags: "FI" }),
    NONE,
    ON_5XX,
    undefined,
  ],
  [
    "a refused connection",
    ended({ status: 503, flags: "UF" }),
    NONE,
    policy(1, "connect-failure"),
    "retried",
  ],
  [
    "a POST that the guard keeps from being repeated",
    ended({ status: 503, method: "POST" }),
    NONE,
    { ...ON_5XX, idempotentOnly: true },
    undefined,
  ],
  [
    "a request that its second try saved, without retries",
    ended({ retries: 1 }),
    ON_5XX,
    NONE,
    "not-retried",
  ],
  [
    "a request that its second try saved, with one left",
    ended({ retries: 1 }),
    ON_5XX,
    policy(1, "5xx"),
    undefined,
  ],
  ["a request that went well at once", ended({}), ON_5XX, NONE, undefined],
];
for (const [what, tries, before, after, end] of cases) {
  test(`foresees ${end ?? "nothing"} for ${what}`, () => {
    assert.equal(foreseeRetries(tries, before, after), end);
  });
}
