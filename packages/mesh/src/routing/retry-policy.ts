/** When a request may be tried again, in Envoy's words (`retry_on`). */
export const RETRY_CONDITIONS = [
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "envoy-ratelimited",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "http3-post-connect-failure",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
] as const;
export type RetryCondition = (typeof RETRY_CONDITIONS)[number];

/** HTTPRetry. */
export type RetryPolicy = {
  /** Tries beyond the first; 0 switches retries off. */
  readonly attempts: number;
  readonly conditions: readonly RetryCondition[];
  /** Status codes that `retriable-status-codes` means. */
  readonly statusCodes: readonly number[];
  /** Bounds each try until its response head; `undefined`: only the route's timeout does. */
  readonly perTryTimeoutMs?: number | undefined;
  /** Full-jitter exponential: the n-th wait lies in [0, (2^n - 1) * base), at most ten times the base. */
  readonly backoffBaseMs: number;
  /** A try goes to an endpoint not tried before, if there is one. */
  readonly avoidsPrevious: boolean;
  /** Later tries may leave the locality. */
  readonly leavesLocality: boolean;
  /**
   * Heddle's guard: only what was never sent, or whose method is idempotent (RFC 9110 §9.2.2), is
   * tried again. A rule that names conditions beyond those of the default switches it off for itself.
   */
  readonly idempotentOnly: boolean;
};
