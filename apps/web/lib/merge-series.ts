import type { SeriesPoint } from "@heddle/contracts";

/**
 * Several nodes' series as one, step by step. Counts and rates add up, the error share follows from them; a
 * quantile of several cannot be had from their quantiles, so the slowest node's stands for all.
 */
export function mergeSeries(series: readonly (readonly SeriesPoint[])[]): SeriesPoint[] {
  const [only] = series;
  if (series.length === 1 && only !== undefined) return [...only];
  const byStart = new Map<number, SeriesPoint>();
  for (const point of series.flat()) {
    const known = byStart.get(point.startMs);
    byStart.set(point.startMs, known === undefined ? point : mergePoints(known, point));
  }
  return [...byStart.values()].sort((a, b) => a.startMs - b.startMs);
}

function mergePoints(a: SeriesPoint, b: SeriesPoint): SeriesPoint {
  const requests = a.requests + b.requests;
  const errors = a.errors + b.errors;
  return {
    startMs: a.startMs,
    requests,
    errors,
    requestsPerSecond: a.requestsPerSecond + b.requestsPerSecond,
    errorRatio: requests === 0 ? undefined : errors / requests,
    p50Ms: greater(a.p50Ms, b.p50Ms),
    p95Ms: greater(a.p95Ms, b.p95Ms),
    p99Ms: greater(a.p99Ms, b.p99Ms),
    requestBytesPerSecond: a.requestBytesPerSecond + b.requestBytesPerSecond,
    responseBytesPerSecond: a.responseBytesPerSecond + b.responseBytesPerSecond,
  };
}

function greater(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}
