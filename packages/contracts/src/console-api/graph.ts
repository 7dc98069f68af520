import { z } from "zod";

/** The collector's answers: the service graph, series, traces, plaintext callers. Times are epoch ms. */

export const HealthWire = z.object({
  state: z.enum(["healthy", "degraded", "failing", "idle", "unknown"]),
  sinceMs: z.number(),
  reason: z.string(),
});

/** Golden signals over the answer's window. Ratios are 0–1; absent: no data, which is not 0. */
export const SignalsWire = z.object({
  requests: z.number().int(),
  requestsPerSecond: z.number(),
  errors: z.number().int(),
  errorRatio: z.number().optional(),
  p50Ms: z.number().optional(),
  p95Ms: z.number().optional(),
  p99Ms: z.number().optional(),
  requestBytesPerSecond: z.number(),
  responseBytesPerSecond: z.number(),
});

/**
 * `workload`: in the mesh, seen or registered. `outside`: a caller without sidecar, by its address.
 * `external`: a destination outside the mesh. `service`: a service of the mesh (service view, or
 * failed requests that reached no endpoint).
 */
export const GraphNode = z.object({
  id: z.string(), // workload/shop/reviews-v1, outside/127.0.4.17, external/api.example, service/shop/reviews
  kind: z.enum(["workload", "outside", "external", "service"]),
  namespace: z.string(),
  /** Text on the card: the service's name, or the address. */
  label: z.string(),
  service: z.string().optional(),
  workload: z.string().optional(),
  version: z.string().optional(),
  address: z.string().optional(),
  registered: z.boolean(),
  instances: z.number().int(),
  health: HealthWire,
  /** What it receives; for callers that receive nothing, what they send. */
  signals: SignalsWire,
  lastRequestMs: z.number().optional(),
});

/** Opaque connections over the answer's window, as the caller's proxy counted them. */
export const TcpSignalsWire = z.object({
  opened: z.number().int(),
  openedPerSecond: z.number(),
  /** Not opened at all: refused, no endpoint, limits. */
  failed: z.number().int(),
  /** Open at the end of the window. */
  open: z.number().int(),
  /** From the caller to the destination, and back. */
  sentBytesPerSecond: z.number(),
  receivedBytesPerSecond: z.number(),
});

/** How requests of an edge failed: the hop, Envoy's flags (`-`: none) and the answer's code (0: none). */
export const FailureKindWire = z.object({
  failedBy: z.enum(["app", "outbound-proxy", "inbound-proxy", "network"]),
  flags: z.string(),
  code: z.number().int(),
  /** Number of the gRPC status; absent: no gRPC. */
  grpcStatus: z.string().optional(),
  count: z.number().int(),
});

export const GraphEdge = z.object({
  id: z.string(), // <source id>-><destination id>
  source: z.string(),
  destination: z.string(),
  /** What most of its traffic is; `tcp` when it knows no requests. */
  protocol: z.enum(["http", "grpc", "tcp"]),
  health: HealthWire,
  signals: SignalsWire,
  /** Counted at the receiving proxy; absent: no receiving proxy reported in the window. */
  mtlsRatio: z.number().optional(),
  /** The caller's identity as the receiving proxy verified it. */
  sourcePrincipal: z.string().optional(),
  /** Failed requests by the hop that failed them. Sum = `signals.errors`. */
  whoFailed: z.object({
    app: z.number().int(),
    outboundProxy: z.number().int(),
    inboundProxy: z.number().int(),
    network: z.number().int(),
  }),
  /** The same by kind, and opaque connections that failed; the most frequent first, at most 20. */
  failures: z.array(FailureKindWire).optional(),
  /** Absent: no opaque connection in the window. */
  tcp: TcpSignalsWire.optional(),
  /**
   * Over the window: tries made again because one on this edge failed, copies sent on it, requests that met an
   * injected fault.
   */
  events: z
    .object({
      retries: z.number().int(),
      mirrored: z.number().int(),
      faultsInjected: z.number().int(),
    })
    .optional(),
  lastRequestMs: z.number(),
});

export const GraphSnapshot = z.object({
  asOfMs: z.number(),
  windowMs: z.number(),
  view: z.enum(["workload", "service"]),
  nodes: z.array(GraphNode),
  edges: z.array(GraphEdge),
  /** Over requests that enter the mesh (edges from outside or from workloads nobody calls). */
  totals: SignalsWire,
});

/** One step of a series; signals as above, over [startMs, startMs + stepMs). */
export const SeriesPoint = SignalsWire.extend({
  startMs: z.number(),
  /** Absent: no opaque connection in the step. How many stood open is known of the present alone. */
  tcp: TcpSignalsWire.omit({ open: true }).optional(),
});
export const SeriesResponse = z.object({
  stepMs: z.number(),
  points: z.array(SeriesPoint), // gaps: steps without data are left out
});

export const PlaintextCaller = z.object({
  namespace: z.string(),
  workload: z.string(), // the one called
  sourceAddress: z.string(),
  /** Name of a WorkloadEntry with that address, if there is one. */
  sourceName: z.string().optional(),
  requests: z.number().int(), // accepted in the window
  requestsPerSecond: z.number(), // over the last 30 s
  refused: z.number().int(), // connections refused under STRICT in the window
  lastSeenMs: z.number(),
});
export const PlaintextCallersResponse = z.object({
  windowMs: z.number(),
  callers: z.array(PlaintextCaller),
});

export const SpanWire = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  startMs: z.number(),
  durationUs: z.number(),
  service: z.string(),
  operation: z.string(),
  kind: z.enum(["server", "client", "internal", "producer", "consumer"]),
  status: z.enum(["unset", "ok", "error"]),
  httpStatus: z.number().int().optional(),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export const TraceResponse = z.object({ traceId: z.string(), spans: z.array(SpanWire) });
/** Newest first: client spans of an edge, or root spans of a service. */
export const RecentRequestsResponse = z.object({
  requests: z.array(
    z.object({
      traceId: z.string(),
      startMs: z.number(),
      durationMs: z.number(),
      method: z.string(),
      path: z.string(),
      httpStatus: z.number().int().optional(),
      failed: z.boolean(),
      flags: z.string().optional(),
    }),
  ),
});

export type HealthWire = z.infer<typeof HealthWire>;
export type SignalsWire = z.infer<typeof SignalsWire>;
export type GraphNode = z.infer<typeof GraphNode>;
export type TcpSignalsWire = z.infer<typeof TcpSignalsWire>;
export type FailureKindWire = z.infer<typeof FailureKindWire>;
export type GraphEdge = z.infer<typeof GraphEdge>;
export type GraphSnapshot = z.infer<typeof GraphSnapshot>;
export type SeriesPoint = z.infer<typeof SeriesPoint>;
export type SeriesResponse = z.infer<typeof SeriesResponse>;
export type PlaintextCaller = z.infer<typeof PlaintextCaller>;
export type PlaintextCallersResponse = z.infer<typeof PlaintextCallersResponse>;
export type SpanWire = z.infer<typeof SpanWire>;
export type TraceResponse = z.infer<typeof TraceResponse>;
export type RecentRequestsResponse = z.infer<typeof RecentRequestsResponse>;
