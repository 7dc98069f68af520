import { z } from "zod";
import { PortProtocolWire } from "../control-stream/route-wire.ts";
import { RequestSource } from "./mesh-state.ts";

/** The registry: who has left it, what is held in it against its own word, and where it learns from. Times are epoch ms. */

/** Why an instance is no longer in the registry. */
export const GoneCause = z.enum([
  "goodbye", // its proxy said so
  "lease-ended", // no sign of life for a whole lease
  "not-hosted", // its proxy came back without it
  "revoked", // its proxy was put out
  "withdrawn", // a source or the API took it out
  "confirmed", // it was held, and somebody said that it may go
  "unreachable", // it was held, and then its callers could not reach it either
]);
/** An instance that has left within the last minutes; an address that came back is not listed. */
export const GoneInstance = z.object({
  instanceId: z.string(),
  namespace: z.string(),
  workload: z.string(),
  service: z.string(),
  version: z.string().optional(),
  address: z.string(),
  /** Absent: it had none (see `InstanceSource`). */
  proxyName: z.string().optional(),
  goneAtMs: z.number(),
  cause: GoneCause,
  /** One sentence: "No sign of life for 15 s; its proxy host-a did not say goodbye." */
  words: z.string(),
});
/** `GET /registry/gone`: newest first. */
export const GoneInstancesResponse = z.object({ gone: z.array(GoneInstance) });

/** An address that would have left by now, and stays because of the hold. */
export const HeldEndpoint = z.object({
  /** Of an instance its id, of a document's address `<kind>/<namespace>/<name>`. */
  id: z.string(),
  workload: z.string(), // namespace/name
  address: z.string(), // host:port
  /** When its last sign of life came; absent: a source names it no longer. */
  lastSeenAtMs: z.number().optional(),
});
/**
 * An update that would take all, or more than the allowed share, of the endpoints of a service in use. Traffic
 * goes on as before it until somebody confirms it, or the endpoints come back by themselves.
 */
export const RegistryHold = z.object({
  id: z.string(),
  service: z.string(), // namespace/name
  /** `leases`: no signs of life; `source`: a watched directory or DNS names them no longer; `start`: the control plane began with an empty registry. */
  cause: z.enum(["leases", "source", "start"]),
  /** The source's name, where the cause is one. */
  source: z.string().optional(),
  sinceMs: z.number(),
  /** Endpoints before, and those that would be left; of cause `start` the count before is not known. */
  endpointsBefore: z.number().int().optional(),
  endpointsAfter: z.number().int(),
  held: z.array(HeldEndpoint),
  /** Two or three sentences: what happened, what is held, what the two answers do. */
  words: z.string(),
  /** Somebody has said no: they stay, and nobody is asked any more. */
  dismissed: z.object({ by: z.string(), atMs: z.number() }).optional(),
});
/** `GET /holds`: those that ask first, then the dismissed ones, oldest first. `event: change` `{type: "holds"}` tells of changes. */
export const HoldsResponse = z.object({
  holds: z.array(RegistryHold),
  /** More than this share of a service's endpoints, 0–100, is not lost without a yes; 100: never held. */
  maxLossPercent: z.number(),
});
/** `POST /holds/{id}/confirm` lets them go (one revision of kind `registry`), `/dismiss` keeps them without asking again. */
export const HoldRequest = z.object({
  reason: z.string().max(2000).optional(),
  source: RequestSource.optional(),
});
/** `revision` 0: dismissed. */
export const HoldResponse = z.object({ revision: z.number().int(), words: z.string() });

/** `PUT /registry/instances/{namespace}/{name}`: an instance without a proxy; again within the lease: a sign of life. */
export const InstanceRequest = z.object({
  service: z.string().min(1).max(63),
  version: z.string().max(63).optional(),
  labels: z.record(z.string().max(317), z.string().max(63)).optional(),
  address: z.string().min(1).max(253), // IP address or host name
  port: z.number().int().min(1).max(65_535),
  protocol: PortProtocolWire.optional(), // default auto
  /** `region/zone/subzone`. */
  locality: z.string().max(191).optional(),
  weight: z.number().int().min(1).max(10_000).optional(),
  leaseSeconds: z.number().int().min(5).max(86_400).optional(), // default 30
  /** What the one who registers knows of the app; default: unknown, and used. */
  isHealthy: z.boolean().optional(),
  healthReason: z.string().max(300).optional(),
});
export const InstanceResponse = z.object({
  instanceId: z.string(),
  leaseEndsAtMs: z.number(),
  isNew: z.boolean(),
});

/** One name that a DnsSource looks up. */
export const DnsLookupState = z.object({
  name: z.string(),
  type: z.enum(["A", "AAAA", "ADDRESS", "SRV"]),
  state: z.enum(["ok", "failing"]),
  /** What the last answer may be kept for; absent: none has come yet, or it said nothing of it. */
  ttlSeconds: z.number().optional(),
  answeredAtMs: z.number().optional(),
  nextAtMs: z.number().optional(),
  /** Endpoints of its last good answer. */
  count: z.number().int(),
});
/** Where instances or documents come from beside proxies and people. */
export const RegistrySource = z.object({
  name: z.string(), // "directory /etc/heddle/registry", "dns shop/db" (its DnsSource), "api"
  kind: z.enum(["directory", "dns", "api"]),
  state: z.enum(["ok", "failing"]),
  /** Of the state. */
  sinceMs: z.number(),
  lastReadAtMs: z.number().optional(),
  lastChangeAtMs: z.number().optional(),
  /** Documents or instances it stands for now. */
  count: z.number().int(),
  /** What is wrong: file and line where it has such. Its last good content stays in force. */
  faults: z.array(
    z.object({
      file: z.string().optional(),
      line: z.number().int().optional(),
      message: z.string(),
    }),
  ),
  /** Ids of holds it is the reason of. */
  holds: z.array(z.string()),
  /** The control plane that reads it, as `GET /replicas` names it; absent: none does now, or it is the API. */
  readBy: z.string().optional(),
  /** Of kind `dns`. */
  lookups: z.array(DnsLookupState).optional(),
});
/** `GET /registry/sources`. */
export const RegistrySourcesResponse = z.object({ sources: z.array(RegistrySource) });
/** `POST /registry/sources/forget` (admin): takes out all a source stands for that no control plane reads any more. */
export const SourceForgetRequest = z.object({
  name: z.string().max(1100),
  reason: z.string().max(2000).optional(),
  source: RequestSource.optional(),
  acceptEndpointLoss: z.boolean().optional(), // as in ApplyRequest
});
export const SourceForgetResponse = z.object({ revision: z.number().int(), words: z.string() });

/** What somebody has set by hand for one instance; an `InstanceOverride` document in words. */
export const InstanceOverrideState = z.object({
  /** Of the document. */
  namespace: z.string(),
  name: z.string(),
  revision: z.number().int(),
  workload: z.string(),
  /** `10.0.0.7:15006`, or without port: all of the workload's endpoints there. */
  address: z.string(),
  /** It gets no new requests. */
  isDrained: z.boolean(),
  weight: z.number().int().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  locality: z.string().optional(),
  untilMs: z.number().optional(), // absent: until somebody restores it
  /** Who and why, as its revision says; absent: the database could not be asked. */
  by: z.string().optional(),
  reason: z.string().optional(),
  atMs: z.number(),
  /** Addresses it holds for now; empty: nobody of that name is registered there. */
  endpoints: z.array(z.string()),
});
/** `GET /registry/overrides`. */
export const InstanceOverridesResponse = z.object({ overrides: z.array(InstanceOverrideState) });
/**
 * `PUT /registry/overrides/{namespace}/{workload}`: sets what is given and leaves what an override of that instance
 * says else; `null` takes that part back. One revision of kind `registry`.
 */
export const InstanceOverrideRequest = z.object({
  /** As the endpoints say it, `10.0.0.7:15006`; without port: all of the workload there. */
  address: z.string().min(1).max(300),
  drain: z.boolean().optional(),
  weight: z.number().int().min(1).max(10_000).nullable().optional(),
  labels: z.record(z.string().max(317), z.string().max(63)).nullable().optional(),
  locality: z.string().max(191).nullable().optional(),
  untilMs: z.number().nullable().optional(),
  reason: z.string().max(2000).optional(),
  source: RequestSource.optional(),
  acceptEndpointLoss: z.boolean().optional(), // as in ApplyRequest
});
/** `DELETE /registry/overrides/{namespace}/{workload}?address=&reason=&source=` answers the same; revision 0: nothing to change. */
export const InstanceOverrideResponse = z.object({ revision: z.number().int(), words: z.string() });

export type GoneCause = z.infer<typeof GoneCause>;
export type GoneInstance = z.infer<typeof GoneInstance>;
export type GoneInstancesResponse = z.infer<typeof GoneInstancesResponse>;
export type HeldEndpoint = z.infer<typeof HeldEndpoint>;
export type RegistryHold = z.infer<typeof RegistryHold>;
export type HoldsResponse = z.infer<typeof HoldsResponse>;
export type HoldRequest = z.infer<typeof HoldRequest>;
export type HoldResponse = z.infer<typeof HoldResponse>;
export type InstanceRequest = z.infer<typeof InstanceRequest>;
export type InstanceResponse = z.infer<typeof InstanceResponse>;
export type DnsLookupState = z.infer<typeof DnsLookupState>;
export type SourceForgetRequest = z.infer<typeof SourceForgetRequest>;
export type SourceForgetResponse = z.infer<typeof SourceForgetResponse>;
export type InstanceOverrideState = z.infer<typeof InstanceOverrideState>;
export type InstanceOverridesResponse = z.infer<typeof InstanceOverridesResponse>;
export type InstanceOverrideRequest = z.infer<typeof InstanceOverrideRequest>;
export type InstanceOverrideResponse = z.infer<typeof InstanceOverrideResponse>;
export type RegistrySource = z.infer<typeof RegistrySource>;
export type RegistrySourcesResponse = z.infer<typeof RegistrySourcesResponse>;
