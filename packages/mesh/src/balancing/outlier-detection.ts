import { countedStatus, describeOutcome, type Outcome } from "./outcome.ts";
import type { OutlierDetection } from "./traffic-policy.ts";

/**
 * What outlier detection holds of one endpoint of one destination. `ejections` is how often it was
 * ejected in a row; each interval in which it is in use takes one off.
 *
 *   healthy  → healthy | failing | ejected
 *   failing  → healthy (an answer without error) | failing | ejected (a row is full and there is room)
 *   ejected  → healthy (its time is over); what stragglers report is ignored
 */
export type EndpointHealth =
  | { readonly kind: "healthy"; readonly ejections: number }
  | {
      readonly kind: "failing";
      readonly ejections: number;
      /** Errors in a row, of these at the end gateway errors in a row. */
      readonly errors: number;
      readonly gatewayErrors: number;
      /** Apart from the answers; only in split mode. */
      readonly localFailures: number;
      /** What all of them were; "mixed" if they differed. */
      readonly seen: Outcome | "mixed";
    }
  | {
      readonly kind: "ejected";
      readonly ejections: number;
      readonly sinceMs: number;
      readonly untilMs: number;
      /** In words: `5 times 503 in a row`. */
      readonly reason: string;
    };

/** What an outcome means to outlier detection; "none": nothing. */
export type HealthEvent = "success" | "error" | "gateway-error" | "local-failure" | "none";

/** Envoy's default of `max_ejection_time`; a longer base time is its own cap. */
export const MAX_EJECTION_MS = 300_000;

const UNTOUCHED: EndpointHealth = { kind: "healthy", ejections: 0 };

/** An endpoint of which nothing bad is known. */
export function healthyEndpoint(): EndpointHealth {
  return UNTOUCHED;
}

/**
 * How a policy reads an outcome. `errorCodes` take the place of 5xx for answers; failures of the proxy's
 * own are gateway errors (as 503 and 504), or counted apart in split mode.
 */
export function readOutcome(outcome: Outcome, policy: OutlierDetection): HealthEvent {
  const status = countedStatus(outcome);
  if (status === undefined) return "none";
  if (outcome === "connected") return "success";
  if (typeof outcome === "number") {
    const { errorCodes } = policy;
    const isError = errorCodes.length === 0 ? status >= 500 : errorCodes.includes(status);
    if (!isError) return "success";
    return status >= 502 && status <= 504 ? "gateway-error" : "error";
  }
  return policy.splitsLocalOrigin ? "local-failure" : "gateway-error";
}

/**
 * How many of `count` endpoints may be ejected at once. Unlike Envoy's, at least one, even of two
 * (10 % of fewer than ten would be none), and never the last.
 */
export function maxEjected(count: number, maxEjectionRatio: number): number {
  // The sum of ratio and product rounding (0.29 * 100 = 28.999…) must not take one away.
  const allowed = Math.max(1, Math.floor(maxEjectionRatio * count + 1e-9));
  return Math.max(0, Math.min(allowed, count - 1));
}

/**
 * The health after an outcome. A row that is full ejects for the base time × the times in a row, if
 * `mayEject`; else the row goes on, and the first error after there is room ejects. The same object
 * comes back when nothing changes, which is the rule: a success allocates nothing.
 */
export function afterOutcome(
  health: EndpointHealth,
  outcome: Outcome,
  policy: OutlierDetection,
  mayEject: boolean,
  nowMs: number,
): EndpointHealth {
  const event = readOutcome(outcome, policy);
  if (event === "none" || health.kind === "ejected") return health;
  if (event === "success") {
    if (health.kind === "healthy") return health;
    return health.ejections === 0 ? UNTOUCHED : { kind: "healthy", ejections: health.ejections };
  }
  const failing = withFailure(health, event, outcome);
  const row = mayEject ? fullRow(failing, policy) : undefined;
  if (row === undefined) return failing;
  const ejections = failing.ejections + 1;
  const cap = Math.max(MAX_EJECTION_MS, policy.baseEjectionMs);
  return {
    kind: "ejected",
    ejections,
    sinceMs: nowMs,
    untilMs: nowMs + Math.min(policy.baseEjectionMs * ejections, cap),
    reason: row,
  };
}

/** The health once an ejection's time may be over. */
export function afterTime(health: EndpointHealth, nowMs: number): EndpointHealth {
  if (health.kind !== "ejected" || nowMs < health.untilMs) return health;
  return endEjection(health);
}

/** The health of an endpoint that is taken back before its time, as there are too few others. */
export function endEjection(health: EndpointHealth): EndpointHealth {
  return health.kind === "ejected" ? { kind: "healthy", ejections: health.ejections } : health;
}

/** The health at the end of an interval: one in use is forgiven one ejection. */
export function afterInterval(health: EndpointHealth): EndpointHealth {
  if (health.kind === "ejected" || health.ejections === 0) return health;
  return { ...health, ejections: health.ejections - 1 };
}

/** A failing endpoint's row in words, `3 times 503 in a row`; `undefined`: it is not failing. */
export function describeFailures(health: EndpointHealth): string | undefined {
  if (health.kind !== "failing") return undefined;
  return health.errors >= health.localFailures
    ? describeRow(health, health.errors, "error")
    : describeRow(health, health.localFailures, "connection failure");
}

type Failing = Extract<EndpointHealth, { kind: "failing" }>;

function withFailure(
  health: Exclude<EndpointHealth, { kind: "ejected" }>,
  event: "error" | "gateway-error" | "local-failure",
  outcome: Outcome,
): Failing {
  const isFailing = health.kind === "failing";
  const errors = isFailing ? health.errors : 0;
  const gatewayErrors = isFailing ? health.gatewayErrors : 0;
  const seen = !isFailing || health.seen === outcome ? outcome : "mixed";
  const { ejections } = health;
  if (event === "local-failure") {
    const localFailures = (isFailing ? health.localFailures : 0) + 1;
    return { kind: "failing", ejections, errors, gatewayErrors, localFailures, seen };
  }
  return {
    kind: "failing",
    ejections,
    errors: errors + 1,
    gatewayErrors: event === "gateway-error" ? gatewayErrors + 1 : 0,
    localFailures: 0, // whoever answers can be reached
    seen,
  };
}

function fullRow(failing: Failing, policy: OutlierDetection): string | undefined {
  const { errors, gatewayErrors, localFailures } = failing;
  if (isFull(errors, policy.consecutive5xxErrors)) return describeRow(failing, errors, "error");
  if (isFull(gatewayErrors, policy.consecutiveGatewayErrors)) {
    return describeRow(failing, gatewayErrors, "gateway error");
  }
  if (isFull(localFailures, policy.consecutiveLocalOriginFailures)) {
    return describeRow(failing, localFailures, "connection failure");
  }
  return undefined;
}

function isFull(count: number, threshold: number): boolean {
  return threshold > 0 && count >= threshold;
}

function describeRow({ seen }: Failing, count: number, mixedName: string): string {
  if (seen === "mixed") return `${count} ${mixedName}s in a row`;
  const what = describeOutcome(seen);
  return count === 1 ? `once ${what}` : `${count} times ${what} in a row`;
}
