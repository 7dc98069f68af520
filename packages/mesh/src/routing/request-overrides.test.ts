import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_RETRY_POLICY } from "./default-retry-policy.ts";
import { MAX_REQUESTED_RETRIES, overrideRetry } from "./request-overrides.ts";
import { compileRetry, retriesResponse } from "./retry.ts";
import type { RetryPolicy } from "./retry-policy.ts";

function override(headers: Record<string, string>, policy: Partial<RetryPolicy> = {}) {
  const retry = compileRetry({ ...DEFAULT_RETRY_POLICY, ...policy });
  return overrideRetry(retry, (name) => headers[name]);
}

test("conditions of the request add to the route's and take the guard off", () => {
  const { policy } = override({ "x-envoy-retry-on": "5xx, nonsense" });
  assert.deepEqual(policy.conditions, [...DEFAULT_RETRY_POLICY.conditions, "5xx"]);
  assert.equal(policy.idempotentOnly, false);
  assert.equal(policy.attempts, 2);
});

test("a request may not put the guard on that a rule took off", () => {
  const { policy } = override({ "x-envoy-retry-on": "connect-failure" }, { idempotentOnly: false });
  assert.equal(policy.idempotentOnly, false);
});

test("codes of the request fill the default's empty list (1.10 no. 1)", () => {
  const retry = override({ "x-envoy-retriable-status-codes": "503, 99, x" });
  assert.deepEqual(retry.policy.statusCodes, [503]);
  assert.equal(retriesResponse(retry, { status: 503, header: () => undefined }), true);
});

test("names of the request count with retriable-headers", () => {
  const retry = override({
    "x-envoy-retry-on": "retriable-headers",
    "x-envoy-retriable-header-names": "X-Again, x-other",
  });
  const header = (name: string) => (name === "x-again" ? "1" : undefined);
  assert.equal(retriesResponse(retry, { status: 200, header }), true);
});

test("x-envoy-max-retries replaces the attempts, within a bound", () => {
  const attempts = ["0", "5", "4000000", "-1", "1.5", ""].map(
    (value) => override({ "x-envoy-max-retries": value }).policy.attempts,
  );
  assert.deepEqual(attempts, [0, 5, MAX_REQUESTED_RETRIES, 2, 2, 2]);
});

test("a route without retries gives a request that asks for them one", () => {
  const off = { attempts: 0, conditions: [] };
  assert.equal(override({ "x-envoy-retry-grpc-on": "internal" }, off).policy.attempts, 1);
  assert.equal(override({ "x-envoy-upstream-rq-per-try-timeout-ms": "5" }, off).policy.attempts, 0);
});

test("a per-try timeout of the request wins", () => {
  const { policy } = override({ "x-envoy-upstream-rq-per-try-timeout-ms": "70" });
  assert.equal(policy.perTryTimeoutMs, 70);
});
