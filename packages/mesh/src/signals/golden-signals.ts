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

/** Opaque connections over a window. */
export type TcpSignals = {
  readonly opened: number;
  readonly openedPerSecond: number;
  /** Found no other end. */
  readonly failed: number;
  /** From the caller to the destination, and back. */
  readonly sentBytesPerSecond: number;
  readonly receivedBytesPerSecond: number;
};

/** `undefined`: no opaque connection was opened, tried or used in `windowMs` (> 0), and none is open. */
export function tcpSignals(
  tally: TrafficTally,
  windowMs: number,
  open = 0,
): TcpSignals | undefined {
  const { tcpOpened, tcpFailed, tcpSentBytes, tcpReceivedBytes } = tally;
  if (open + tcpOpened + tcpFailed + tcpSentBytes + tcpReceivedBytes === 0) return undefined;
  const seconds = windowMs / 1000;
  return {
    opened: tcpOpened,
    openedPerSecond: tcpOpened / seconds,
    failed: tcpFailed,
    sentBytesPerSecond: tcpSentBytes / seconds,
    receivedBytesPerSecond: tcpReceivedBytes / seconds,
  };
}

/** What most of the traffic is; `tcp` where there are no requests but connections. */
export function protocolOf(tally: TrafficTally, hasConnections: boolean): "http" | "grpc" | "tcp" {
  if (tally.requests === 0 && hasConnections) return "tcp";
  return tally.grpcRequests * 2 > tally.requests ? "grpc" : "http";
}

/**
 * Share of the requests and opened connections that came over mTLS; where there were none, of the
 * connections that are open. `undefined`: no receiving proxy counted any.
 */
export function mtlsRatio(
  tally: TrafficTally,
  open: { readonly mtls: number; readonly plaintext: number } = { mtls: 0, plaintext: 0 },
): number | undefined {
  const known = tally.mtlsRequests + tally.plaintextRequests;
  if (known > 0) return tally.mtlsRequests / known;
  const standing = open.mtls + open.plaintext;
  return standing > 0 ? open.mtls / standing : undefined;
}
