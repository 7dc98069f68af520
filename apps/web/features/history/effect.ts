import type { SeriesPoint } from "@heddle/contracts";

/** The golden signals of one service in the minutes on one side of a revision. */
export interface Period {
  readonly requests: number;
  readonly errorRatio: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly requestsPerSecond: number;
}

/** `too little`: fewer than 20 requests on one side, so a difference would mean nothing. */
export type Verdict = "worse" | "better" | "as before" | "too little";

const LEAST_REQUESTS = 20;

/** Sums up the steps of [fromMs, toMs). Quantiles are means of the steps' quantiles, weighted by requests. */
export function periodOf(points: readonly SeriesPoint[], fromMs: number, toMs: number): Period {
  const inside = points.filter((point) => point.startMs >= fromMs && point.startMs < toMs);
  const requests = inside.reduce((sum, point) => sum + point.requests, 0);
  const errors = inside.reduce((sum, point) => sum + point.errors, 0);
  return {
    requests,
    errorRatio: requests === 0 ? undefined : errors / requests,
    p50Ms: weightedMean(inside, (point) => point.p50Ms),
    p99Ms: weightedMean(inside, (point) => point.p99Ms),
    requestsPerSecond: toMs > fromMs ? (requests * 1000) / (toMs - fromMs) : 0,
  };
}

/** Errors differ when their shares do by more than chance explains (z > 2.6) and by half a percent at least. */
export function errorVerdict(before: Period, after: Period): Verdict {
  if (isTooLittle(before, after)) return "too little";
  const a = before.errorRatio ?? 0;
  const b = after.errorRatio ?? 0;
  const pooled = (a * before.requests + b * after.requests) / (before.requests + after.requests);
  const deviation = Math.sqrt(pooled * (1 - pooled) * (1 / before.requests + 1 / after.requests));
  if (Math.abs(b - a) < 0.005 || Math.abs(b - a) < 2.6 * deviation) return "as before";
  return b > a ? "worse" : "better";
}

/** Latency differs when it moved by a quarter and by 2 ms at least. */
export function latencyVerdict(
  before: Period,
  after: Period,
  of: (period: Period) => number | undefined,
): Verdict {
  const a = of(before);
  const b = of(after);
  if (isTooLittle(before, after) || a === undefined || b === undefined) return "too little";
  if (Math.abs(b - a) < 2 || Math.abs(b - a) < a * 0.25) return "as before";
  return b > a ? "worse" : "better";
}

function isTooLittle(before: Period, after: Period): boolean {
  return Math.min(before.requests, after.requests) < LEAST_REQUESTS;
}

function weightedMean(
  points: readonly SeriesPoint[],
  of: (point: SeriesPoint) => number | undefined,
): number | undefined {
  let sum = 0;
  let weight = 0;
  for (const point of points) {
    const value = of(point);
    if (value === undefined) continue;
    sum += value * point.requests;
    weight += point.requests;
  }
  return weight === 0 ? undefined : sum / weight;
}
