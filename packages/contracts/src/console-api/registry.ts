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

/** Where instances or documents come from beside proxies and people. */
export const RegistrySource = z.object({
  name: z.string(), // "directory /etc/heddle/registry", "dns _http._tcp.db.example.com", "api"
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
});
/** `GET /registry/sources`. */
export const RegistrySourcesResponse = z.object({ sources: z.array(RegistrySource) });

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
export type RegistrySource = z.infer<typeof RegistrySource>;
export type RegistrySourcesResponse = z.infer<typeof RegistrySourcesResponse>;
