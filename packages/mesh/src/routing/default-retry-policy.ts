import type { RetryOn } from "./parse-retry-on.ts";
import type { RetryCondition, RetryPolicy } from "./retry-policy.ts";

/**
 * What holds for a route without `retries`: Istio's default since 1.24 (a 503 is not tried again), and
 * Heddle's guard. `retriable-status-codes` has no codes here: a client may name some by header.
 */
export const DEFAULT_RETRY_POLICY: RetryPolicy = Object.freeze({
  attempts: 2,
  conditions: [
    "connect-failure",
    "refused-stream",
    "unavailable",
    "cancelled",
    "retriable-status-codes",
  ] as const,
  statusCodes: [],
  backoffBaseMs: 25,
  avoidsPrevious: true,
  leavesLocality: false,
  idempotentOnly: true,
});

/** Those of the default, and those under which nothing was sent. */
const GUARDED: ReadonlySet<RetryCondition> = new Set<RetryCondition>([
  ...DEFAULT_RETRY_POLICY.conditions,
  "reset-before-request",
]);

/**
 * Whether Heddle's guard stays on: a rule that names status codes, or conditions beyond the default's,
 * has said that its requests may be sent twice.
 */
export function keepsGuard({ conditions, statusCodes }: RetryOn): boolean {
  return statusCodes.length === 0 && conditions.every((condition) => GUARDED.has(condition));
}
