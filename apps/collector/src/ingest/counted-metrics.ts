import type { TrafficPoint, TrafficTally } from "@heddle/mesh";

type AddSum = (tally: TrafficTally, read: TrafficPoint, value: number) => void;

/** Counters of traffic, by metric: what each adds to the tally of its edge. */
export const SUMS: Readonly<Record<string, AddSum | undefined>> = {
  istio_requests_total: (tally, read, value) => {
    tally.requests += value;
    if (read.failure !== undefined) tally.addFailures(read.failure, value);
    if (read.protocol === "grpc") tally.grpcRequests += value;
    if (read.isFaultInjected) tally.faultsInjected += value;
    addTransport(tally, read, value);
  },
  istio_tcp_connections_opened_total: (tally, read, value) => {
    if (read.failure !== undefined) {
      tally.tcpFailed += value;
      tally.failures.add(read.failure, value);
    } else if (read.isOpened) {
      tally.tcpOpened += value;
      addTransport(tally, read, value);
    }
  },
  istio_tcp_connections_closed_total: () => {}, // what is open is told by itself
  // Istio counts as the destination does: what it sends goes back to the caller.
  istio_tcp_sent_bytes_total: (tally, _read, value) => {
    tally.tcpReceivedBytes += value;
  },
  istio_tcp_received_bytes_total: (tally, _read, value) => {
    tally.tcpSentBytes += value;
  },
  istio_request_bytes: (tally, _read, value) => {
    tally.requestBytes += value;
  },
  istio_response_bytes: (tally, _read, value) => {
    tally.responseBytes += value;
  },
};

function addTransport(tally: TrafficTally, { transport }: TrafficPoint, value: number): void {
  if (transport === "mtls") tally.mtlsRequests += value;
  else if (transport === "plaintext") tally.plaintextRequests += value;
}

export type AddRefused = (tally: TrafficTally, value: number) => void;

/** Callers that were not taken, or would not be: of the edge between address and workload. */
export const REFUSALS: Readonly<Record<string, AddRefused | undefined>> = {
  heddle_mtls_refused_total: (tally, value) => {
    tally.refused += value;
  },
  heddle_mtls_would_refuse_total: (tally, value) => {
    tally.wouldBeRefused += value;
  },
};

type AddEvent = (tally: TrafficTally, outcome: string, value: number) => void;

/** What happened to requests on their way, by metric and outcome. */
export const EVENTS: Readonly<Record<string, AddEvent | undefined>> = {
  heddle_retries_total: (tally, outcome, value) => {
    if (outcome === "retried") tally.retries += value;
  },
  heddle_mirrored_requests_total: (tally, outcome, value) => {
    if (outcome !== "dropped") tally.mirrored += value;
  },
};

/** What shows that an edge is in use. */
export const TRAFFIC = new Set([
  "istio_requests_total",
  "istio_tcp_connections_opened_total",
  "istio_tcp_sent_bytes_total",
  "istio_tcp_received_bytes_total",
]);
