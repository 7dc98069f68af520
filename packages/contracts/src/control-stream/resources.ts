import { z } from "zod";

/**
 * What the control plane hands a proxy, one resource at a time. `key` names it, `version` is a hash of
 * its content: a proxy that reconnects says what it has, and only what differs is sent again.
 */

const StringMatchWire = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("exact"), value: z.string() }),
  z.object({ kind: z.literal("prefix"), value: z.string() }),
  z.object({ kind: z.literal("present") }),
]);

const RouteMatchWire = z.object({
  uri: StringMatchWire.optional(),
  ignoreUriCase: z.boolean().optional(),
  method: StringMatchWire.optional(),
  authority: StringMatchWire.optional(),
  headers: z.record(z.string(), StringMatchWire).optional(),
  withoutHeaders: z.record(z.string(), StringMatchWire).optional(),
});

const NameWire = z.object({ namespace: z.string(), name: z.string() });

const RouteWire = z.object({
  name: z.string(),
  matches: z.array(RouteMatchWire),
  destinations: z
    .array(
      z.object({
        service: NameWire,
        subset: z.string().optional(),
        weight: z.number().int().min(0),
      }),
    )
    .min(1),
  timeoutMs: z.number().int().positive().optional(),
});

/** Routes and subsets of one service; key `service/<namespace>/<name>`. */
export const ServiceResource = z.object({
  kind: z.literal("service"),
  key: z.string(),
  version: z.string(),
  service: NameWire,
  routes: z.array(RouteWire).min(1),
  subsets: z.array(z.object({ name: z.string(), labels: z.record(z.string(), z.string()) })),
  /** The revision that last shaped this resource; 0: defaults only. */
  revision: z.number().int(),
});

/** Live addresses of one service; key `endpoints/<namespace>/<name>`. */
export const EndpointsResource = z.object({
  kind: z.literal("endpoints"),
  key: z.string(),
  version: z.string(),
  service: NameWire,
  endpoints: z.array(
    z.object({
      id: z.string(),
      namespace: z.string(),
      workload: z.string(),
      labels: z.record(z.string(), z.string()),
      address: z.string(),
      port: z.number().int().min(1).max(65_535),
      identity: z.string().optional(),
    }),
  ),
});

/** What holds for one hosted workload's inbound side; key `workload/<namespace>/<name>`. */
export const WorkloadResource = z.object({
  kind: z.literal("workload"),
  key: z.string(),
  version: z.string(),
  workload: NameWire,
  mtlsMode: z.enum(["DISABLE", "PERMISSIVE", "STRICT"]),
  revision: z.number().int(),
});

export const ProxyResource = z.discriminatedUnion("kind", [
  ServiceResource,
  EndpointsResource,
  WorkloadResource,
]);
export type ServiceResource = z.infer<typeof ServiceResource>;
export type EndpointsResource = z.infer<typeof EndpointsResource>;
export type WorkloadResource = z.infer<typeof WorkloadResource>;
export type ProxyResource = z.infer<typeof ProxyResource>;
