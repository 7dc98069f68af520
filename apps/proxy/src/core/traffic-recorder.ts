import type { TurnedAwayReason, WorkloadResource } from "@heddle/contracts/control-stream";
import type { WorkloadId } from "@heddle/mesh";

/** Whose numbers they are: a hosted workload. */
export type ReportingWorkload = {
  readonly id: WorkloadId;
  readonly service: string;
  readonly version: string | undefined;
  readonly resource?: WorkloadResource | undefined;
};

/** Where the data path leaves its numbers. Nothing here waits, throws or grows without bound. */
export interface TrafficRecorder {
  /**
   * Grows whenever indexes were given up, between two ticks: an index idle for an hour (HEDDLE_METRICS_IDLE_MS) may be given
   * to other labels. Whoever keeps indexes forgets them all when it has changed.
   */
  readonly seriesEpoch: number;
  /**
   * The index of a label set, made at its first use. It costs a string and a map look-up: keep the
   * index per route, endpoint and response code, as long as `seriesEpoch` stays.
   */
  series(labels: SeriesLabels): number;
  /** Counts one finished exchange: typed arrays only, no allocation. */
  record(series: number, durationMs: number, requestBytes: number, responseBytes: number): void;
  /** As `series`; a connection keeps its index from `tcpOpened` to `tcpClosed`, whatever `seriesEpoch` says. */
  tcpSeries(labels: TcpSeriesLabels): number;
  tcpOpened(series: number): void;
  /** Bytes since the last call: `sent` towards the destination's client (Istio's word), `received` from it. */
  tcpBytes(series: number, sentBytes: number, receivedBytes: number): void;
  tcpClosed(series: number): void;
  /** A counter of Heddle's own (`heddle_…_total`), made at its first use; keep it. */
  counter(name: `heddle_${string}_total`, labels: Readonly<Record<string, string>>): EventCounter;
  /**
   * Counts a caller that was refused for what it is; `isRefused` false: that would be under STRICT. `address`
   * without port.
   */
  turnedAway(
    workload: WorkloadId,
    address: string,
    reason: TurnedAwayReason,
    isRefused: boolean,
  ): void;
  /** The same object each time, live by what the workload's Telemetry documents say. */
  signalsOf(workload: ReportingWorkload): WorkloadSignals;
}

/** What one hosted workload's requests leave besides counts: spans and lines of the access log. */
export interface WorkloadSignals {
  /** The head decision for a request without a sampled bit of its own. */
  isSampled(): boolean;
  /** What a finished exchange is to leave; 0, as for nearly all: nothing, do not even say what it was. */
  wanted(
    isSampled: boolean,
    status: number,
    grpcStatus: string | undefined,
    durationMs: number,
    requestBytes: number,
    responseBytes: number,
  ): number;
  /** Leaves what `wanted` said. `header` reads the request's fields, during the call only. */
  leave(wanted: number, exchange: SpanRecord, header: ReadHeader): void;
  /** Whether anybody wants to hear of this workload's opaque connections; false, as nearly always: do not tell. */
  readonly hearsConnections: boolean;
  leaveConnection(connection: ConnectionRecord): void;
}

/** An opaque connection as it opens, closes or finds no other end. */
export type ConnectionRecord = {
  readonly kind: "opened" | "closed" | "refused";
  readonly pair: PairLabels;
  readonly flags: string;
  readonly failedBy: FailedBy;
  /** Since it was opened; 0 unless it closes. */
  readonly durationMs: number;
  readonly upBytes: number; // sent by the client
  readonly downBytes: number;
  /** `host:port` as the client named it; `undefined` at the inbound side. */
  readonly authority: string | undefined;
  /** `address:port` at its other end. */
  readonly endpoint: string | undefined;
};

export type ReadHeader = (name: string) => string | undefined;

export type EventCounter = { add(count: number): void };

/** What an opaque TCP connection is counted under; flags and blame are those of its opening. */
export type TcpSeriesLabels = Omit<SeriesLabels, "responseCode" | "protocol" | "grpcStatus">;

export type SeriesLabels = {
  /** `http` when left out. */
  readonly protocol?: "http" | "grpc" | undefined;
  /** Number of the gRPC status; empty or left out: no gRPC. */
  readonly grpcStatus?: string | undefined;
  readonly reporter: "source" | "destination";
  readonly source: PeerLabels;
  readonly destination: PeerLabels;
  /** FQDN, or the host as the app named it when it lies outside the mesh. */
  readonly destinationService: string;
  /** `PassthroughCluster` outside the mesh. */
  readonly destinationServiceName: string;
  readonly destinationServiceNamespace: string;
  /** 0: no answer (the client left, or the upstream broke off before a head). */
  readonly responseCode: number;
  /** Envoy's flags, `-` for none. */
  readonly responseFlags: string;
  /** Always `unknown` where reporter is `source`. */
  readonly security: "mutual_tls" | "none" | "unknown";
  readonly failedBy: FailedBy;
  /** Only at a destination, of a plaintext caller; without port. */
  readonly sourceAddress?: string | undefined;
};

/** What two peers' traffic is counted under, whatever becomes of it. */
export type PairLabels = Omit<
  SeriesLabels,
  "responseCode" | "responseFlags" | "failedBy" | "protocol" | "grpcStatus"
>;

export type FailedBy = "" | "app" | "outbound-proxy" | "inbound-proxy" | "network";

/** One side of an exchange. Use `UNKNOWN_PEER` for a caller or callee without an identity. */
export type PeerLabels = {
  readonly workload: string;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  /** The SPIFFE id. */
  readonly principal: string;
};

export const UNKNOWN_PEER: PeerLabels = Object.freeze({
  workload: "unknown",
  namespace: "unknown",
  service: "unknown",
  version: "unknown",
  principal: "unknown",
});

/**
 * A finished exchange as spans and the access log tell it. Client span at the outbound side, server
 * span at the inbound side.
 */
export type SpanRecord = {
  readonly kind: "client" | "server";
  /** Whose span it is: gives the OTLP resource. */
  readonly workload: ReportingWorkload;
  /** Both ends, as metrics know them. */
  readonly pair: PairLabels;
  readonly traceId: string; // 32 hex digits
  readonly spanId: string; // 16 hex digits
  readonly parentSpanId: string | undefined;
  readonly startEpochMs: number; // with fraction
  readonly durationMs: number;
  readonly method: string;
  /** The service asked for; with the method it names the span. */
  readonly service: string;
  readonly path: string; // without query
  readonly status: number; // 0: no answer
  readonly sourceWorkload: string; // namespace/name or `unknown`
  readonly destinationWorkload: string;
  readonly flags: string;
  readonly failedBy: FailedBy;
  /** Why the proxy answered itself, as Envoy's response code details; `undefined`: as the flags say. */
  readonly details?: string | undefined;
  /** Where an AuthorizationPolicy would not let the request pass. */
  readonly denied?: DeniedBy | undefined;
  /** Of a gRPC call; empty: its answer broke off before it said one. */
  readonly grpcStatus?: string | undefined;
  readonly requestId: string;
  /** Of a plaintext caller, without port. */
  readonly clientAddress?: string | undefined;
  /** Host as the client named it. */
  readonly authority?: string | undefined;
  /** `HTTP/1.1`; of a gRPC call `HTTP/2`. */
  readonly protocol?: string | undefined;
  readonly requestBytes?: number | undefined;
  readonly responseBytes?: number | undefined;
  /** Who sent the request, without port: the app itself, another sidecar, a plaintext caller. */
  readonly peerAddress?: string | undefined;
  /** What decided, and where the request went in the end. */
  readonly way?: SpanWay | undefined;
  /** It went past the mesh's rules, by a Bypass. */
  readonly isBypassed?: boolean | undefined;
  /** The mesh's service that was asked for, `namespace/name`; `undefined`: none, or an inbound side's span. */
  readonly askedService?: string | undefined;
  /** The headers its rules look at, which the span tells. */
  readonly matchedHeaders?: readonly string[] | undefined;
  /** What Telemetry documents add. */
  readonly tags?: readonly (readonly [name: string, value: string])[] | undefined;
};

/** What AuthorizationPolicies said against a request, without anything of the request or the rule's values. */
export type DeniedBy = {
  /** Only a policy in shadow mode said so: the request passed. */
  readonly isShadow: boolean;
  /** `namespace/name/rule` of the DENY rule that matched; `undefined`: no ALLOW rule did. */
  readonly rule: string | undefined;
  /** Of the ALLOW rule that came nearest. */
  readonly nearest: string | undefined;
  /** That rule's fields the request did not meet: `from[0].source.principals`. */
  readonly fields: readonly string[];
};

/** The way a request took out of its workload, or within it to the app. */
export type SpanWay = {
  /** Name of the route; `undefined`: none matched, or the host lies outside. */
  readonly rule: string | undefined;
  /** Of the rule; 0: defaults only. */
  readonly revision: number;
  /** Istio's name of the destination: `outbound|9080|v1|reviews.shop.svc.cluster.local`. */
  readonly cluster: string | undefined;
  /** `address:port` of the last try. */
  readonly endpoint: string | undefined;
  /** Tries beyond the first. */
  readonly retryCount: number;
};
