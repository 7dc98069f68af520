import { LatencySketch } from "./latency-sketch.ts";

/** The hop that failed a request; `app` also where the proxy did not say. */
export type FailedBy = "app" | "outbound-proxy" | "inbound-proxy" | "network";

/** Failed requests by the hop that failed them. The sum is the number of errors. */
export type WhoFailed = {
  app: number;
  outboundProxy: number;
  inboundProxy: number;
  network: number;
};

/** Requests counted over some time: sums and a sketch, so that tallies merge in any order. */
export class TrafficTally {
  requests = 0;
  errors = 0; // response code ≥ 500 or none
  readonly whoFailed: WhoFailed = { app: 0, outboundProxy: 0, inboundProxy: 0, network: 0 };
  requestBytes = 0;
  responseBytes = 0;
  latencySumMs = 0;
  /** Requests that came over mTLS and in plaintext; both 0 where only the source's proxy counted. */
  mtlsRequests = 0;
  plaintextRequests = 0;
  /** Plaintext connections closed under STRICT. */
  refused = 0;
  readonly latency = new LatencySketch();

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
  }
}
