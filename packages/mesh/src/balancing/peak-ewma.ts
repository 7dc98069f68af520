import { countedStatus, type Outcome } from "./outcome.ts";

/** Latency of one endpoint as its caller remembers it: rises at once, falls slowly. Mutable, reused. */
export type LatencyEstimate = {
  valueMs: number;
  atMs: number;
  /** Its last answer failed: that it has nothing to do is no merit (`expectedCost`). */
  isPenalised: boolean;
};

/** Linkerd's estimate of an endpoint that has not answered yet. */
export const INITIAL_LATENCY_MS = 30;
/** Linkerd's bound on how long an endpoint may ask to be left alone. */
export const MAX_RETRY_AFTER_MS = 300_000;

/** An estimate of an endpoint nobody has tried. */
export function freshEstimate(nowMs: number): LatencyEstimate {
  return { valueMs: INITIAL_LATENCY_MS, atMs: nowMs, isPenalised: false };
}

/** The estimate now, in ms: it decays towards 0, so that who was slow is tried again some day. */
export function readEstimate(estimate: LatencyEstimate, nowMs: number, decayMs: number): number {
  const ageMs = nowMs - estimate.atMs;
  return ageMs > 0 ? estimate.valueMs * Math.exp(-ageMs / decayMs) : estimate.valueMs;
}

/** Takes one latency in: a peak replaces the estimate, anything lower draws it down by age. */
export function observeLatency(
  estimate: LatencyEstimate,
  sampleMs: number,
  nowMs: number,
  decayMs: number,
): void {
  const ageMs = Math.max(0, nowMs - estimate.atMs);
  const kept = Math.exp(-ageMs / decayMs);
  const decayed = estimate.valueMs * kept;
  estimate.valueMs = sampleMs > decayed ? sampleMs : decayed + sampleMs * (1 - kept);
  estimate.atMs = Math.max(nowMs, estimate.atMs);
}

/**
 * Takes one attempt in. A failed answer (429, 5xx, a failed connection) counts as at least the penalty and
 * what its Retry-After asks for: answering fast because of failing attracts nothing. A cancelled attempt
 * counts as the time it took, and says nothing of success.
 */
export function observeOutcome(
  estimate: LatencyEstimate,
  outcome: Outcome,
  latencyMs: number,
  retryAfterMs: number,
  policy: { readonly decayMs: number; readonly failurePenaltyMs: number },
  nowMs: number,
): void {
  const { decayMs, failurePenaltyMs } = policy;
  const status = countedStatus(outcome);
  const isRefusal = status !== undefined && (status >= 500 || status === 429);
  const askedMs = Math.min(retryAfterMs, MAX_RETRY_AFTER_MS);
  const sampleMs = isRefusal ? Math.max(latencyMs, failurePenaltyMs, askedMs) : latencyMs;
  observeLatency(estimate, sampleMs, nowMs, decayMs);
  if (status !== undefined) estimate.isPenalised = isRefusal && failurePenaltyMs > 0;
}

/**
 * What a request would cost: the latency expected × the requests that would then be under way. An endpoint
 * whose last answer failed is empty because it fails, so it is held to have at least as many as
 * `otherActiveRequests`, the one it is compared to. Otherwise a penalty of 5 s weighs nothing against
 * twenty requests of 300 ms, and the failing endpoint wins under load (decision 71).
 */
export function expectedCost(
  estimate: LatencyEstimate,
  activeRequests: number,
  otherActiveRequests: number,
  nowMs: number,
  decayMs: number,
): number {
  const { isPenalised } = estimate;
  const active = isPenalised ? Math.max(activeRequests, otherActiveRequests) : activeRequests;
  return readEstimate(estimate, nowMs, decayMs) * (active + 1);
}

/**
 * A Retry-After value in ms from now (RFC 9110 §10.2.3: seconds, or an HTTP date held against
 * `nowEpochMs`); 0 when it is absent, past or not readable.
 */
export function parseRetryAfterMs(value: string | undefined, nowEpochMs: number): number {
  if (value === undefined) return 0;
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1000;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? 0 : Math.max(0, atMs - nowEpochMs);
}
