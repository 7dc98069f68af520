/** HTTPFaultInjection. Delay and abort are drawn apart; the delay comes first. */
export type FaultInjection = {
  readonly delay?: { readonly delayMs: number; readonly ratio: number } | undefined;
  readonly abort?: FaultAbort | undefined;
  /**
   * `request`: once, above retries and timeouts, as Istio does it. `attempt`: each try by itself, so
   * that retries, timeouts and outlier detection meet it as if the endpoint had failed (heddle.dev/v1).
   */
  readonly scope: "request" | "attempt";
};
/** `ratio` is 0–1. */
export type FaultAbort = { readonly ratio: number } & (
  | { readonly httpStatus: number }
  | { readonly grpcStatus: number }
);
