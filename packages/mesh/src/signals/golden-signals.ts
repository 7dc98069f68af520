import type { TrafficTally } from "./traffic-tally.ts";

/** Latency, traffic and errors over a window. Ratios are 0–1; `undefined`: no data, which is not 0. */
export type GoldenSignals = {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly errors: number;
  readonly errorRatio: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly requestBytesPerSecond: number;
  readonly responseBytesPerSecond: number;
};

/** The signals of what was counted in `windowMs` (> 0). */
export function goldenSignals(tally: TrafficTally, windowMs: number): GoldenSignals {
  const seconds = windowMs / 1000;
  return {
    requests: tally.requests,
    requestsPerSecond: tally.requests / seconds,
    errors: tally.errors,
    errorRatio: tally.requests > 0 ? tally.errors / tally.requests : undefined,
    p50Ms: tally.latency.quantile(0.5),
    p95Ms: tally.latency.quantile(0.95),
    p99Ms: tally.latency.quantile(0.99),
    requestBytesPerSecond: tally.requestBytes / seconds,
    responseBytesPerSecond: tally.responseBytes / seconds,
  };
}

/** Share of the requests that came over mTLS. `undefined`: no receiving proxy counted any. */
export function mtlsRatio(tally: TrafficTally): number | undefined {
  const known = tally.mtlsRequests + tally.plaintextRequests;
  return known > 0 ? tally.mtlsRequests / known : undefined;
}
