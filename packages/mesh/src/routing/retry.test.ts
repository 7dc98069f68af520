import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULT_RETRY_POLICY, keepsGuard } from "./default-retry-policy.ts";
import { InvalidRetryOnError, parseRetryOn } from "./parse-retry-on.ts";
import {
  backoffMs,
  compileRetry,
  maySendAgain,
  retriesFailure,
  retriesResponse,
  type TryFailure,
} from "./retry.ts";
import { RETRY_CONDITIONS, type RetryCondition } from "./retry-policy.ts";

const FAILURES: readonly TryFailure[] = [
  "connect-failure",
  "refused",
  "reset-before-request",
  "reset",
  "try-timeout",
];

function retryOn(conditions: readonly RetryCondition[], statusCodes: readonly number[] = []) {
  return compileRetry({ ...DEFAULT_RETRY_POLICY, conditions, statusCodes }, ["x-again"]);
}

/** Which ends of a try a condition names; a response by status, or by header and value. */
const EXPECTED: Record<RetryCondition, readonly string[]> = {
  "5xx": [...FAILURES, "500", "501", "502", "503", "504", "599"],
  "gateway-error": [...FAILURES, "502", "503", "504"],
  reset: FAILURES,
  "reset-before-request": ["connect-failure", "reset-before-request"],
  "connect-failure": ["connect-failure"],
  "envoy-ratelimited": ["x-envoy-ratelimited=true"],
  "retriable-4xx": ["409"],
  "refused-stream": ["refused"],
  "retriable-status-codes": ["418"],
  "retriable-headers": ["x-again="],
  "http3-post-connect-failure": [],
  cancelled: ["grpc-status=1"],
  "deadline-exceeded": ["grpc-status=4"],
  internal: ["grpc-status=13"],
  "resource-exhausted": ["grpc-status=8"],
  unavailable: ["grpc-status=14"],
};
const RESPONSES = ["200", "302", "400", "404", "409", "418", "429"].concat(
  ["500", "501", "502", "503", "504", "599"],
  ["grpc-status=0", "grpc-status=1", "grpc-status=2", "grpc-status=4", "grpc-status=7"],
  ["grpc-status=8", "grpc-status=13", "grpc-status=14", "x-envoy-ratelimited=true", "x-again="],
);

function response(text: string) {
  const [name = "", value] = text.split("=");
  const status = value === undefined ? Number(name) : name === "x-envoy-ratelimited" ? 429 : 200;
  return { status, header: (wanted: string) => (wanted === name ? value : undefined) };
}

for (const condition of RETRY_CONDITIONS) {
  test(`${condition} means ${EXPECTED[condition].join(", ") || "nothing over TCP"}`, () => {
    const retry = retryOn([condition], [418]);
    const failures = FAILURES.filter((failure) => retriesFailure(retry, failure));
    const responses = RESPONSES.filter((text) => retriesResponse(retry, response(text)));
    assert.deepEqual([...failures, ...responses].sort(), [...EXPECTED[condition]].sort());
  });
}

test("a response marked x-envoy-ratelimited is not tried again, whatever its status (2.2)", () => {
  const limited = {
    status: 503,
    header: (name: string) => (name === "x-envoy-ratelimited" ? "true" : undefined),
  };
  assert.equal(retriesResponse(retryOn(["5xx"]), limited), false);
  assert.equal(retriesResponse(retryOn(["5xx", "envoy-ratelimited"]), limited), true);
});

test("conditions add up", () => {
  fc.assert(
    fc.property(fc.subarray([...RETRY_CONDITIONS]), fc.constantFrom(...RESPONSES), (list, text) => {
      const answer = response(text);
      // Without the mark, which overrules every other condition.
      fc.pre(!text.startsWith("x-envoy"));
      const each = list.some((one) => retriesResponse(retryOn([one], [418]), answer));
      assert.equal(retriesResponse(retryOn(list, [418]), answer), each);
    }),
  );
});

test("by default a 503 is not tried again (Istio since 1.24)", () => {
  const retry = compileRetry(DEFAULT_RETRY_POLICY);
  assert.equal(retriesResponse(retry, response("503")), false);
  assert.equal(retriesFailure(retry, "connect-failure"), true);
  assert.equal(retriesFailure(retry, "reset"), false);
});

test("the default carries retriable-status-codes without codes (1.10 no. 1)", () => {
  assert.ok(DEFAULT_RETRY_POLICY.conditions.includes("retriable-status-codes"));
  assert.deepEqual(DEFAULT_RETRY_POLICY.statusCodes, []);
});

const guardCases: [outcome: TryFailure | "response", mayPost: boolean][] = [
  ["connect-failure", true],
  ["refused", true],
  ["reset-before-request", true],
  ["reset", false],
  ["try-timeout", false],
  ["response", false],
];
for (const [outcome, mayPost] of guardCases) {
  test(`a POST ${mayPost ? "may" : "may not"} be sent again after ${outcome} (§5 pain 2)`, () => {
    assert.equal(maySendAgain(DEFAULT_RETRY_POLICY, false, outcome), mayPost);
    assert.equal(maySendAgain(DEFAULT_RETRY_POLICY, true, outcome), true);
    const unguarded = { ...DEFAULT_RETRY_POLICY, idempotentOnly: false };
    assert.equal(maySendAgain(unguarded, false, outcome), true);
  });
}

test("a rule that names a condition beyond the default's takes the guard off", () => {
  const guards = ["connect-failure,refused-stream", "unavailable,reset-before-request", ""].map(
    (text) => keepsGuard(parseRetryOn(text)),
  );
  assert.deepEqual(guards, [true, true, true]);
  const open = ["5xx", "503", "connect-failure,reset", "gateway-error", "retriable-4xx"];
  for (const text of open) assert.equal(keepsGuard(parseRetryOn(text)), false, text);
});

test("a status code in retryOn brings retriable-status-codes with it", () => {
  assert.deepEqual(parseRetryOn("503,reset,429"), {
    conditions: ["reset", "retriable-status-codes"],
    statusCodes: [503, 429],
  });
});

for (const text of ["503, reset", "5XX", "nope", "99", "306", "599", "600", "503,"]) {
  test(`retryOn "${text}" is refused (1.10 no. 12: nothing is trimmed)`, () => {
    assert.throws(() => parseRetryOn(text), InvalidRetryOnError);
  });
}

test("a wait lies within its bound, and no wait reaches ten times the base", () => {
  const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: 100 }),
      draw,
      (base, retry, one) => {
        const waitMs = backoffMs(base, retry, one);
        assert.ok(waitMs >= 0 && waitMs < 10 * base);
        assert.ok(waitMs < (2 ** retry - 1) * base);
      },
    ),
  );
});

test("waits grow: 25, 75, 175, then 250 ms at most", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 9].map((retry) => backoffMs(25, retry, 1)),
    [25, 75, 175, 250, 250],
  );
});
