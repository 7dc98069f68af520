import { z } from "zod";
import { NameWire } from "./names.ts";
import { RouteWire, ServicePortWire, SourceSelectorWire, TcpRouteWire } from "./route-wire.ts";
import { ConnectionPoolWire, LeveledPolicyWire, SubsetWire } from "./traffic-policy-wire.ts";
import {
  AuthorizationPolicyWire,
  ExternalAuthorizerWire,
  FilterWire,
  RateLimitWire,
  RequestAuthenticationWire,
  TelemetryWire,
} from "./workload-policy-wire.ts";

/**
 * What the control plane hands a proxy, one resource at a time. `key` names it, `version` is a hash of
 * its content: a proxy that reconnects says what it has, and only what differs is sent again.
 */

/** What holds for a service in the eyes of one set of callers. */
const ServiceRules = z.object({
  /** None: no request is taken (404, flag NR), since a rule names the host and routes nothing. */
  routes: z.array(RouteWire),
  tcpRoutes: z.array(TcpRouteWire).optional(),
  tlsRoutes: z.array(TcpRouteWire).optional(),
  subsets: z.array(SubsetWire),
  trafficPolicy: LeveledPolicyWire.optional(),
});
export type ServiceRules = z.infer<typeof ServiceRules>;

/** Routes, subsets and policies of one service; key `service/<namespace>/<name>`. */
export const ServiceResource = ServiceRules.extend({
  kind: z.literal("service"),
  key: z.string(),
  version: z.string(),
  service: NameWire,
  /** The host that names it in metrics; `undefined`: `<name>.<namespace>.svc.cluster.local`. */
  host: z.string().optional(),
  /** Of a ServiceEntry with location MESH_EXTERNAL: no sidecar there. */
  isExternal: z.boolean().optional(),
  /** Declared ports; `undefined`: none declared, every port means the workloads' only one. */
  ports: z.array(ServicePortWire).optional(),
  /**
   * Where addresses come from: `registry` (the endpoints resource, the default), `dns` (its host names,
   * looked up by the proxy: every answer, or `dns-one` at a time), `none` (the address the app asked for).
   */
  resolution: z.enum(["registry", "dns", "dns-one", "none"]).optional(),
  /** The first whose source matches the caller holds instead of the rules above. */
  overrides: z.array(z.object({ source: SourceSelectorWire, rules: ServiceRules })).optional(),
  /**
   * Callers that are off all of this until a moment: straight to the endpoints, each in turn, as `tls` says. The proxy
   * itself ends it.
   */
  bypasses: z
    .array(z.object({ source: SourceSelectorWire, untilMs: z.number(), name: z.string() }))
    .optional(),
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
      ports: z.record(z.string(), z.number().int().min(1).max(65_535)).optional(),
      identity: z.string().optional(),
      /** App ports (as in `ports`) whose workload terminates no TLS (mode DISABLE): callers send plaintext there. */
      plaintextPorts: z.array(z.number().int()).optional(),
      locality: z.string().optional(),
      weight: z.number().int().min(1).optional(),
      servesSinceMs: z.number().optional(),
    }),
  ),
});

/** What holds for one hosted workload; key `workload/<namespace>/<name>`. */
export const WorkloadResource = z.object({
  kind: z.literal("workload"),
  key: z.string(),
  version: z.string(),
  workload: NameWire,
  mtlsMode: z.enum(["DISABLE", "PERMISSIVE", "STRICT"]),
  /** By app port, where `portLevelMtls` says otherwise. */
  portMtlsModes: z.record(z.string(), z.enum(["DISABLE", "PERMISSIVE", "STRICT"])).optional(),
  /** Plaintext that STRICT would refuse is counted as such, and served. */
  isStrictDryRun: z.boolean().optional(),
  authorization: z.array(AuthorizationPolicyWire).optional(),
  /** Whom policies with action CUSTOM ask, by their `provider`. */
  externalAuthorizers: z.array(ExternalAuthorizerWire).optional(),
  requestAuthentication: z.array(RequestAuthenticationWire).optional(),
  rateLimits: z.array(RateLimitWire).optional(),
  filters: z.array(FilterWire).optional(),
  telemetry: TelemetryWire.optional(),
  /** From a Sidecar document or the mesh; `undefined`: as `welcome` said. */
  outboundTrafficPolicy: z.enum(["ALLOW_ANY", "REGISTRY_ONLY"]).optional(),
  pathNormalization: z
    .enum(["NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"])
    .optional(),
  /** Of the connections to the app, from a Sidecar document. */
  connectionPool: ConnectionPoolWire.optional(),
  /**
   * The workload is off the mesh's rules until a moment, for what it calls and for what calls it: no routes, limits and
   * filters; policies only where said. mTLS stays. The proxy itself ends it.
   */
  bypass: z
    .object({ untilMs: z.number(), name: z.string(), includesAuthorization: z.boolean() })
    .optional(),
  /** Addresses before the last this many of `x-forwarded-for` are not believed. */
  trustedProxyCount: z.number().int().min(0).optional(),
  revision: z.number().int(),
});

export const TRUST_KEY = "trust/mesh";

/**
 * Whom proxies believe; key `TRUST_KEY`, part of every proxy's configuration. It takes the place of the
 * bundle that `welcome` or a certificate came with.
 */
export const TrustResource = z.object({
  kind: z.literal("trust"),
  key: z.string(),
  version: z.string(),
  /** The mesh's own. */
  trustDomain: z.string(),
  /** Identities of these count as the mesh's own (MeshConfig.trustDomainAliases). */
  trustDomainAliases: z.array(z.string()),
  /** Roots by trust domain, the mesh's own first; only a root of its own domain speaks for an identity. */
  bundles: z.array(z.object({ trustDomain: z.string(), pem: z.string() })).min(1),
  /** Certificates that are not taken any more although they have not expired; serial numbers in lower-case hex. */
  revoked: z.array(z.object({ serialNumber: z.string(), notAfterMs: z.number() })),
  revision: z.number().int(),
});

/** Key of the names that are no services of a namespace: hosts of documents, `*.` wildcards, addresses and CIDRs. */
export const HOST_NAMES_KEY = "names/";

/**
 * Names the mesh may mean; key `names/<namespace>` for the services of a namespace, `HOST_NAMES_KEY` for the
 * rest. A proxy that holds them knows at once of a name that is not there that it lies outside; what a name
 * that is there means, it still asks. Sent to proxies whose `hello` names the feature `names`.
 */
export const NamesResource = z.object({
  kind: z.literal("names"),
  key: z.string(),
  version: z.string(),
  /** Empty: `HOST_NAMES_KEY`. */
  namespace: z.string(),
  names: z.array(z.string()),
});

export const ProxyResource = z.discriminatedUnion("kind", [
  ServiceResource,
  EndpointsResource,
  WorkloadResource,
  TrustResource,
  NamesResource,
]);
export type ServiceResource = z.infer<typeof ServiceResource>;
export type EndpointsResource = z.infer<typeof EndpointsResource>;
export type WorkloadResource = z.infer<typeof WorkloadResource>;
export type TrustResource = z.infer<typeof TrustResource>;
export type NamesResource = z.infer<typeof NamesResource>;
export type ProxyResource = z.infer<typeof ProxyResource>;
