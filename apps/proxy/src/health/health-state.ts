/** What the checks of an app have found so far; `unknown`: none has ended yet. */
export type HealthState = {
  readonly status: "unknown" | "healthy" | "unhealthy";
  readonly sinceMs: number;
  /** Why it is not healthy. */
  readonly reason: string | undefined;
  /** Checks in a row that speak against the status. */
  readonly against: number;
};

/** How a check ended; a reason says that it failed. */
export type CheckOutcome = { readonly failure: string | undefined };

/** Envoy's `healthy_threshold` and `unhealthy_threshold`: so many in a row turn the status. */
export type HealthThresholds = {
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
};

/**
 *   unknown   → healthy | unhealthy   with the first check, as in Envoy
 *   healthy   → unhealthy             after `unhealthyThreshold` failures in a row
 *   unhealthy → healthy               after `healthyThreshold` successes in a row
 */
export function onCheck(
  state: HealthState,
  { failure }: CheckOutcome,
  { healthyThreshold, unhealthyThreshold }: HealthThresholds,
  nowMs: number,
): HealthState {
  const speaksFor = failure === undefined ? "healthy" : "unhealthy";
  if (state.status === speaksFor) return { ...state, against: 0, reason: failure };
  const against = state.against + 1;
  const needed = failure === undefined ? healthyThreshold : unhealthyThreshold;
  if (state.status !== "unknown" && against < needed) return { ...state, against };
  return { status: speaksFor, sinceMs: nowMs, reason: failure, against: 0 };
}
