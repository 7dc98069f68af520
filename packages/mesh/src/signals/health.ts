import { wilsonInterval } from "./wilson-interval.ts";

/** The state of a node or an edge, computed once by the collector and shown everywhere alike. */
export type HealthState = "healthy" | "degraded" | "failing" | "idle" | "unknown";

/** A state with its start and its reason in words, e.g. "8.7 % of 126 requests failed". */
export type Health = {
  readonly state: HealthState;
  readonly sinceMs: number;
  readonly reason: string;
};

/** Health is judged over this window, whatever window a page looks at, so that all pages agree. */
export const HEALTH_WINDOW_MS = 30_000;
export const DEGRADED_ERROR_RATIO = 0.005;
export const FAILING_ERROR_RATIO = 0.05;
export const MIN_REQUESTS_TO_JUDGE = 20;
/** How long the evidence must hold before a state gets better. */
export const PROOF_MS = 10_000;

/** What is counted about a node or an edge over `HEALTH_WINDOW_MS`. */
export type HealthEvidence = {
  /** Requests, and opaque connections that were opened or tried. */
  readonly requests: number;
  readonly errors: number;
  /** What `requests` counts, for people. */
  readonly unit?: "requests" | "connections" | "requests and connections" | undefined;
  /** Opaque connections that are open; they are traffic where nothing else is. */
  readonly openConnections?: number | undefined;
  /** Errors that nothing below has caused; at most `errors`. */
  readonly ownErrors: number;
  /** Who is to blame for the rest, as shown to people; `undefined`: nobody below. */
  readonly becauseOf: string | undefined;
  /** `false`: no proxy reports on it, so nothing can be said. */
  readonly isReported: boolean;
};

/**
 * The judge's memory: a level and, while evidence for a better one holds, since when.
 *
 * | level    | worse evidence   | better evidence          | no requests | not reported |
 * | healthy  | degraded/failing | –                        | idle        | unknown      |
 * | degraded | failing          | healthy, after PROOF_MS  | idle        | unknown      |
 * | failing  | –                | degraded/healthy, after… | idle        | unknown      |
 * | idle     | degraded/failing | healthy, at once         | –           | unknown      |
 * | unknown  | degraded/failing | healthy, at once         | idle        | –            |
 */
export type HealthMemory = {
  readonly health: Health;
  readonly betterSinceMs: number | undefined;
};

type Level = "healthy" | "degraded" | "failing";
const SEVERITY: Readonly<Record<Level, number>> = { healthy: 0, degraded: 1, failing: 2 };

/** One step of the judge; `before` `undefined`: seen for the first time. */
export function judgeHealth(
  before: HealthMemory | undefined,
  evidence: HealthEvidence,
  nowMs: number,
): HealthMemory {
  if (!evidence.isReported) return settle(before, "unknown", "No proxy reports on it", nowMs);
  const { openConnections = 0 } = evidence;
  if (evidence.requests === 0 && openConnections === 0) {
    return settle(before, "idle", "No requests in the last 30 s", nowMs);
  }
  const reason = reasonOf(evidence);
  const current = levelOf(before?.health.state);
  const worst = provenLevel(evidence);
  if (current === undefined || SEVERITY[worst] > SEVERITY[current]) {
    return settle(before, worst, reason, nowMs);
  }
  const best = recoveredLevel(current, evidence);
  if (best === current || before === undefined) return settle(before, current, reason, nowMs);
  const betterSinceMs = before.betterSinceMs ?? nowMs;
  if (nowMs - betterSinceMs >= PROOF_MS) return settle(before, best, reason, nowMs);
  return { health: { ...before.health, reason }, betterSinceMs };
}

function settle(
  before: HealthMemory | undefined,
  state: HealthState,
  reason: string,
  nowMs: number,
): HealthMemory {
  const sinceMs = before?.health.state === state ? before.health.sinceMs : nowMs;
  return { health: { state, sinceMs, reason }, betterSinceMs: undefined };
}

function levelOf(state: HealthState | undefined): Level | undefined {
  return state === "healthy" || state === "degraded" || state === "failing" ? state : undefined;
}

/** The worst level whose limit the whole interval has passed. Only its own errors make it failing. */
function provenLevel(evidence: HealthEvidence): Level {
  if (evidence.requests < MIN_REQUESTS_TO_JUDGE) return "healthy";
  if (wilsonInterval(evidence.ownErrors, evidence.requests).lower > FAILING_ERROR_RATIO) {
    return "failing";
  }
  const all = wilsonInterval(evidence.errors, evidence.requests);
  return all.lower > DEGRADED_ERROR_RATIO ? "degraded" : "healthy";
}

/**
 * The level that the evidence allows to go back to: the interval lies wholly below the limit, or the
 * window has not one failure (at 4 requests a second no interval gets below 0.5 % in 30 s).
 */
function recoveredLevel(current: Level, evidence: HealthEvidence): Level {
  if (current === "healthy") return "healthy";
  const isBelow = (errors: number, limit: number) =>
    errors === 0 ||
    (evidence.requests >= MIN_REQUESTS_TO_JUDGE &&
      wilsonInterval(errors, evidence.requests).upper < limit);
  if (isBelow(evidence.errors, DEGRADED_ERROR_RATIO)) return "healthy";
  if (current === "failing" && isBelow(evidence.ownErrors, FAILING_ERROR_RATIO)) return "degraded";
  return current;
}

/** "8.7 % of 126 requests failed", "1 of 3 failed", "… because of payments-v2". */
function reasonOf(evidence: HealthEvidence): string {
  const { requests, errors, becauseOf, unit = "requests", openConnections = 0 } = evidence;
  if (requests === 0) {
    const open = openConnections.toLocaleString("en-US");
    return `${open} ${openConnections === 1 ? "connection" : "connections"} open, none new`;
  }
  const count = requests.toLocaleString("en-US");
  const because = becauseOf !== undefined && errors > 0 ? ` because of ${becauseOf}` : "";
  if (requests < MIN_REQUESTS_TO_JUDGE) {
    return errors === 0 ? `None of ${count} failed` : `${errors} of ${count} failed${because}`;
  }
  if (errors === 0) return `None of ${count} ${unit} failed`;
  return `${formatPercent(errors / requests)} of ${count} ${unit} failed${because}`;
}

/** Shares as people read them: one decimal below 10, none above, no false 0 and 100. */
export function formatPercent(ratio: number): string {
  const percent = ratio * 100;
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  if (percent < 100 && percent > 99.9) return "> 99.9 %";
  if (percent >= 9.95 || percent === 0) return `${Math.round(percent)} %`;
  return `${percent.toFixed(1)} %`;
}
