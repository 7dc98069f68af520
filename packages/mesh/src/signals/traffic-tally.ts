import { type FailedBy, type FailureKind, FailureKinds } from "./failure-kinds.ts";
import { LatencySketch } from "./latency-sketch.ts";

/** Failed requests by the hop that failed them. The sum is the number of errors. */
export type WhoFailed = {
  app: number;
  outboundProxy: number;
  inboundProxy: number;
  network: number;
};

/** Traffic counted over some time: sums and a sketch, so that tallies merge in any order. */
export class TrafficTally {
  requests = 0;
  errors = 0; // response code ≥ 500 or none, or a gRPC status that is the server's fault
  /** Those of `requests` that are gRPC calls. */
  grpcRequests = 0;
  readonly whoFailed: WhoFailed = { app: 0, outboundProxy: 0, inboundProxy: 0, network: 0 };
  requestBytes = 0;
  responseBytes = 0;
  latencySumMs = 0;
  /** Requests that came over mTLS and in plaintext; both 0 where only the source's proxy counted. */
  mtlsRequests = 0;
  plaintextRequests = 0;
  /** Connections closed for what they are: plaintext under STRICT, a certificate that is not taken. */
  refused = 0;
  /** Served, and counted as what STRICT would refuse, while a dry run is on. */
  wouldBeRefused = 0;
  readonly latency = new LatencySketch();
  /** Failed requests and connections by kind. */
  readonly failures = new FailureKinds();
  /** Opaque connections; those that found no other end are `tcpFailed` alone. */
  tcpOpened = 0;
  tcpFailed = 0;
  /** From the caller to the destination, and back. */
  tcpSentBytes = 0;
  tcpReceivedBytes = 0;
  /** Tries made again since one here failed; copies sent here; requests that met an injected fault. */
  retries = 0;
  mirrored = 0;
  faultsInjected = 0;

  /** Whether anything at all went along: requests, connections, their bytes, copies. */
  get isQuiet(): boolean {
    return (
      this.requests +
        this.tcpOpened +
        this.tcpFailed +
        this.tcpSentBytes +
        this.tcpReceivedBytes +
        this.retries +
        this.mirrored ===
      0
    );
  }

  addFailures(kind: FailureKind, count: number): void {
    this.addErrors(kind.failedBy, count);
    this.failures.add(kind, count);
  }

  addErrors(failedBy: FailedBy, count: number): void {
    this.errors += count;
    if (failedBy === "outbound-proxy") this.whoFailed.outboundProxy += count;
    else if (failedBy === "inbound-proxy") this.whoFailed.inboundProxy += count;
    else if (failedBy === "network") this.whoFailed.network += count;
    else this.whoFailed.app += count;
  }

  merge(other: TrafficTally): void {
    this.mergeCounts(other);
    this.latency.merge(other.latency);
  }

  /** Everything but the sketch: what health needs, at a fraction of the cost. */
  mergeCounts(other: TrafficTally): void {
    this.requests += other.requests;
    this.errors += other.errors;
    this.whoFailed.app += other.whoFailed.app;
    this.whoFailed.outboundProxy += other.whoFailed.outboundProxy;
    this.whoFailed.inboundProxy += other.whoFailed.inboundProxy;
    this.whoFailed.network += other.whoFailed.network;
    this.requestBytes += other.requestBytes;
    this.responseBytes += other.responseBytes;
    this.latencySumMs += other.latencySumMs;
    this.mtlsRequests += other.mtlsRequests;
    this.plaintextRequests += other.plaintextRequests;
    this.refused += other.refused;
    this.wouldBeRefused += other.wouldBeRefused;
    this.grpcRequests += other.grpcRequests;
    this.failures.merge(other.failures);
    this.tcpOpened += other.tcpOpened;
    this.tcpFailed += other.tcpFailed;
    this.tcpSentBytes += other.tcpSentBytes;
    this.tcpReceivedBytes += other.tcpReceivedBytes;
    this.retries += other.retries;
    this.mirrored += other.mirrored;
    this.faultsInjected += other.faultsInjected;
  }
}
