import { z } from "zod";
import { EndpointObservation } from "../control-stream/messages.ts";
import { NameWire } from "../control-stream/names.ts";
import {
  RouteWire,
  ServicePortWire,
  SourceSelectorWire,
  TcpRouteWire,
} from "../control-stream/route-wire.ts";
import { SubsetWire } from "../control-stream/traffic-policy-wire.ts";
import { ResourceKind } from "./mesh-state.ts";
import { InstanceOverrideState } from "./registry.ts";

/** What holds for a service's traffic, and what the proxies see of its endpoints. Times are epoch ms. */

/** What one calling proxy says of an endpoint it does not use, or not fully. */
export const ObservedEndpoint = EndpointObservation.omit({
  service: true,
  endpointId: true,
}).extend({
  proxyId: z.string(),
  proxyName: z.string(),
});

/** Where an endpoint's address comes from. */
export const EndpointOrigin = z.enum(["registry", "WorkloadEntry", "ServiceEntry"]);

export const EndpointDetail = z.object({
  id: z.string(),
  namespace: z.string(),
  workload: z.string(),
  version: z.string().optional(),
  labels: z.record(z.string(), z.string()),
  /** IP address, or a host name that the proxies look up. */
  address: z.string(),
  port: z.number().int(),
  /** By service port, where the service has several. */
  ports: z.record(z.string(), z.number().int()).optional(),
  locality: z.string().optional(), // region/zone/subzone
  weight: z.number().int(),
  hasSidecar: z.boolean(),
  origin: EndpointOrigin,
  /** The document it comes from, `WorkloadEntry shop/db-1`; absent: a proxy has registered it. */
  document: z.string().optional(),
  /**
   * `serving`: its proxy is connected, or a document says so. `disconnected`: its proxy is not, and it
   * serves until its lease ends. `draining`: it is about to end and gets no new requests.
   */
  state: z.enum(["serving", "disconnected", "draining"]),
  leaseEndsAtMs: z.number().optional(),
  proxyName: z.string().optional(),
  servesSinceMs: z.number().optional(),
  /** The source whose document it is (`RegistrySource.name`); absent: a proxy, the API or an applied document. */
  source: z.string().optional(),
  /** What somebody has set for it by hand; it then is `draining` if that takes it out. */
  override: InstanceOverrideState.omit({ endpoints: true }).optional(),
  /** One for each calling proxy that does not use it, or not fully; empty: in use everywhere. */
  observed: z.array(ObservedEndpoint),
});

/** `GET /services/{namespace}/{service}/endpoints`. */
export const EndpointsResponse = z.object({
  namespace: z.string(),
  service: z.string(),
  host: z.string(),
  isExternal: z.boolean(),
  resolution: z.enum(["registry", "dns", "dns-one", "none"]),
  ports: z.array(ServicePortWire),
  endpoints: z.array(EndpointDetail),
  /** Of addresses that are not in the list: answers of DNS, and endpoints that have just gone. */
  unlisted: z.array(ObservedEndpoint.extend({ endpointId: z.string() })),
});

export const TrafficFeatureKind = z.enum([
  "fault",
  "timeout",
  "retry",
  "mirror",
  "breaker",
  "split",
  "rate-limit",
  "bypass",
]);

/** One thing a document does to a service's traffic: a badge on the graph. */
export const TrafficFeature = z.object({
  kind: TrafficFeatureKind,
  /** In words: "delays 10 % of requests by 2 s". */
  detail: z.string(),
  document: z.object({ kind: ResourceKind, namespace: z.string(), name: z.string() }),
  revision: z.number().int(),
  /** The route or subset it belongs to; absent: all of the service's traffic. */
  part: z.string().optional(),
  /** The callers it holds for; absent: all. */
  source: SourceSelectorWire.optional(),
});

/** An endpoint some caller keeps out at this moment. */
export const OpenBreaker = z.object({
  source: NameWire,
  subset: z.string().optional(),
  endpointId: z.string(),
  /** `namespace/name` of the endpoint's workload, where it is known. */
  workload: z.string().optional(),
  state: z.enum(["ejected", "open"]),
  reason: z.string(),
  sinceMs: z.number(),
  untilMs: z.number().optional(),
});

/** `GET /traffic-features`: services without any of it are left out. */
export const TrafficFeaturesResponse = z.object({
  revision: z.number().int(),
  services: z.array(
    z.object({
      namespace: z.string(),
      service: z.string(),
      features: z.array(TrafficFeature),
      /** At most 100, the newest first. */
      openBreakers: z.array(OpenBreaker),
    }),
  ),
});

/** The document a part of the effective table was written in; absent there: a default. */
export const PartOrigin = z.object({
  kind: ResourceKind,
  namespace: z.string(),
  name: z.string(),
  revision: z.number().int(),
});

/** A block of traffic policy as it holds; `port` and `subset` absent: for all of them. */
export const EffectivePolicy = z.object({
  block: z.enum(["loadBalancer", "connectionPool", "outlierDetection", "tls", "retryBudget"]),
  subset: z.string().optional(),
  port: z.number().int().optional(),
  value: z.unknown(),
  origin: PartOrigin.optional(),
});

/** What holds for one set of callers. The table's first entry whose source takes a caller in holds for it. */
export const EffectiveRules = z.object({
  /** Absent: every caller the entries before do not take in. */
  source: SourceSelectorWire.optional(),
  /** Registered workloads it holds for, `namespace/name`. */
  callers: z.array(z.string()),
  routes: z.array(
    z.object({
      route: RouteWire,
      origin: PartOrigin.optional(),
      /** Documents that have put something into it: a TrafficPolicy, the MeshConfig, a delegate's root. */
      changedBy: z.array(PartOrigin).optional(),
    }),
  ),
  tcpRoutes: z.array(z.object({ route: TcpRouteWire, origin: PartOrigin.optional() })),
  tlsRoutes: z.array(z.object({ route: TcpRouteWire, origin: PartOrigin.optional() })),
  subsets: z.array(z.object({ subset: SubsetWire, origin: PartOrigin.optional() })),
  policies: z.array(EffectivePolicy),
});

/** `GET /services/{namespace}/{service}/effective`. */
export const EffectiveResponse = z.object({
  namespace: z.string(),
  service: z.string(),
  host: z.string(),
  revision: z.number().int(),
  isExternal: z.boolean(),
  resolution: z.enum(["registry", "dns", "dns-one", "none"]),
  ports: z.array(ServicePortWire),
  rules: z.array(EffectiveRules),
});

export type ObservedEndpoint = z.infer<typeof ObservedEndpoint>;
export type EndpointDetail = z.infer<typeof EndpointDetail>;
export type EndpointsResponse = z.infer<typeof EndpointsResponse>;
export type TrafficFeatureKind = z.infer<typeof TrafficFeatureKind>;
export type TrafficFeature = z.infer<typeof TrafficFeature>;
export type OpenBreaker = z.infer<typeof OpenBreaker>;
export type TrafficFeaturesResponse = z.infer<typeof TrafficFeaturesResponse>;
export type PartOrigin = z.infer<typeof PartOrigin>;
export type EffectivePolicy = z.infer<typeof EffectivePolicy>;
export type EffectiveRules = z.infer<typeof EffectiveRules>;
export type EffectiveResponse = z.infer<typeof EffectiveResponse>;
