import { z } from "zod";
import { TapFilter } from "../control-stream/tap-wire.ts";

/**
 * Live requests of chosen workloads. `POST /taps` begins a tap (operator of the targets' namespaces, audited),
 * `GET /tapped/{id}` streams what it sees, `DELETE /taps/{id}` ends it. It ends by itself at `untilMs`, and some
 * seconds after nobody reads it any more. Bodies, queries and credentials are never told.
 */

const Namespace = z.string().min(1).max(63);
const Name = z.string().min(1).max(253);

/** Of which workloads: all of a service, or one. */
export const TapTarget = z.union([
  z.strictObject({ namespace: Namespace, service: Name }),
  z.strictObject({ namespace: Namespace, workload: Name }),
]);

export const TapRequest = z.object({
  targets: z.array(TapTarget).min(1).max(16),
  filter: TapFilter.default({}),
  /** Shown at most; what is more is counted. Each proxy sends at most so many, too. */
  maxPerSecond: z.number().int().min(1).max(1000).default(100),
  /** How long, from now; a second to ten minutes. */
  forMs: z.number().int().min(1_000).max(600_000).default(60_000),
});

export const Tap = z.object({
  id: z.string(),
  targets: z.array(TapTarget),
  filter: TapFilter,
  maxPerSecond: z.number().int(),
  beganMs: z.number(),
  untilMs: z.number(),
  by: z.string(),
});

/** `GET /taps`: those under way, of all people. */
export const TapsResponse = z.object({ taps: z.array(Tap) });

/** `POST /taps`. */
export const TapResponse = z.object({
  tap: Tap,
  /** `namespace/name` of the workloads it hears of now; later ones of the service join in. */
  workloads: z.array(z.string()),
  /** Connected proxies that were asked. */
  proxies: z.number().int(),
  /** Proxies of an older version, which cannot be tapped; empty as a rule. */
  deafProxies: z.array(z.string()),
});
/** `DELETE /taps/{id}`. */
export const TapEndResponse = z.object({ ended: z.boolean() });

/** One end of a request. What is not known is absent. */
export const TapEventParty = z.object({
  /** `namespace/name`. */
  workload: z.string().optional(),
  /** Of a destination outside the mesh its host. */
  service: z.string().optional(),
  version: z.string().optional(),
  /** SPIFFE id its certificate proved. */
  principal: z.string().optional(),
  /** Without port; of callers. */
  address: z.string().optional(),
});

/** A finished request, or an opaque connection that was opened, closed or refused. */
export const TapEvent = z.object({
  kind: z.enum(["request", "connection-opened", "connection-closed", "connection-refused"]),
  /** When it began (a request), or happened; epoch ms with a fraction. */
  atMs: z.number(),
  /** Of the request, or of the whole connection; absent when it was just opened. */
  durationMs: z.number().optional(),
  /** Seen by the caller's proxy (`outbound`) or by the one that serves (`inbound`). */
  direction: z.enum(["inbound", "outbound"]),
  source: TapEventParty,
  destination: TapEventParty,
  /** `HTTP/1.1`; of a gRPC call `HTTP/2`, of a connection `TCP`. */
  protocol: z.string(),
  method: z.string().optional(),
  authority: z.string().optional(),
  /** Without its query, at most 1024 characters. */
  path: z.string().optional(),
  /** 0: no answer. */
  status: z.number().int().optional(),
  /** Empty: the answer broke off before it said one; absent: no gRPC call. */
  grpcStatus: z.string().optional(),
  /** Envoy's, `-`: none. */
  flags: z.string(),
  /** `app`, `outbound-proxy`, `inbound-proxy`, `network`; absent: nobody failed. */
  failedBy: z.string().optional(),
  requestBytes: z.number().optional(),
  responseBytes: z.number().optional(),
  /** Name of the route. */
  rule: z.string().optional(),
  revision: z.number().int().optional(),
  /** `address:port` it was sent to. */
  endpoint: z.string().optional(),
  attempts: z.number().int().optional(),
  /** Of this hop. */
  security: z.enum(["mutual_tls", "none", "unknown"]),
  requestId: z.string().optional(),
  traceId: z.string().optional(),
  /** A span of it was kept: `GET /traces/{traceId}` will know it in a second or two. */
  isTraced: z.boolean(),
  /** Of the request: content-type, user-agent and the like, and those the filter names; never credentials. */
  headers: z.record(z.string(), z.string()),
});

/**
 * `GET /tapped/{id}`: server-sent events. `event: requests` with this, `event: end` with `TapEnd`; comments between
 * them only keep the connection alive.
 */
export const TapBatch = z.object({
  events: z.array(TapEvent),
  /** Matched but not in `events`, since the last batch: above `maxPerSecond`, lost, or this reader too slow. */
  notShown: z.number().int(),
});
/** `time`: it was over; `ended`: somebody ended it, or nobody had read it for long. */
export const TapEnd = z.object({ reason: z.enum(["time", "ended"]) });

export type TapTarget = z.infer<typeof TapTarget>;
export type TapRequest = z.input<typeof TapRequest>;
export type Tap = z.infer<typeof Tap>;
export type TapsResponse = z.infer<typeof TapsResponse>;
export type TapResponse = z.infer<typeof TapResponse>;
export type TapEndResponse = z.infer<typeof TapEndResponse>;
export type TapEventParty = z.infer<typeof TapEventParty>;
export type TapEvent = z.infer<typeof TapEvent>;
export type TapBatch = z.infer<typeof TapBatch>;
export type TapEnd = z.infer<typeof TapEnd>;
