import type {
  AuthorizationPolicy,
  ExternalAuthorizer,
  RateLimit,
  RequestAuthentication,
} from "@heddle/mesh";
import { z } from "zod";
import { RouteMatchWire } from "./route-wire.ts";

// Each schema is annotated with the mesh's own type, so that the two cannot drift apart.

const Values = z.array(z.string()).optional();

export const AuthorizationPolicyWire: z.ZodType<AuthorizationPolicy> = z.object({
  namespace: z.string(),
  name: z.string(),
  action: z.enum(["ALLOW", "DENY", "AUDIT", "CUSTOM"]),
  provider: z.string().optional(),
  isShadow: z.boolean(),
  rules: z.array(
    z.object({
      from: z.array(
        z.object({
          principals: Values,
          notPrincipals: Values,
          requestPrincipals: Values,
          notRequestPrincipals: Values,
          namespaces: Values,
          notNamespaces: Values,
          serviceAccounts: Values,
          notServiceAccounts: Values,
          trustDomains: Values,
          notTrustDomains: Values,
          ipBlocks: Values,
          notIpBlocks: Values,
          remoteIpBlocks: Values,
          notRemoteIpBlocks: Values,
        }),
      ),
      to: z.array(
        z.object({
          hosts: Values,
          notHosts: Values,
          ports: Values,
          notPorts: Values,
          methods: Values,
          notMethods: Values,
          paths: Values,
          notPaths: Values,
        }),
      ),
      when: z.array(z.object({ key: z.string(), values: Values, notValues: Values })),
    }),
  ),
});

export const ExternalAuthorizerWire: z.ZodType<ExternalAuthorizer> = z.object({
  name: z.string(),
  host: z.string(),
  port: z.number().int().min(1).max(65_535),
  pathPrefix: z.string(),
  timeoutMs: z.number().positive(),
  failsOpen: z.boolean(),
  statusOnError: z.number().int().min(200).max(599),
  requestHeaders: z.array(z.string()),
  addedHeaders: z.record(z.string(), z.string()),
  headersToUpstream: z.array(z.string()),
  headersToDownstreamOnAllow: z.array(z.string()),
  headersToDownstreamOnDeny: z.array(z.string()),
  body: z.object({ maxBytes: z.number().int().min(1), allowsPartial: z.boolean() }).optional(),
});

export const RequestAuthenticationWire: z.ZodType<RequestAuthentication> = z.object({
  namespace: z.string(),
  name: z.string(),
  rules: z.array(
    z.object({
      issuer: z.string(),
      audiences: z.array(z.string()),
      jwks: z.string().optional(),
      fromHeaders: z.array(z.object({ name: z.string(), prefix: z.string() })),
      fromParams: z.array(z.string()),
      fromCookies: z.array(z.string()),
      forwardsToken: z.boolean(),
      payloadHeader: z.string().optional(),
      claimHeaders: z.array(z.object({ header: z.string(), claim: z.string() })),
      spaceDelimitedClaims: z.array(z.string()),
      isRequired: z.boolean(),
    }),
  ),
});

export const RateLimitWire: z.ZodType<RateLimit> = z.object({
  name: z.string(),
  matches: z.array(RouteMatchWire),
  key: z
    .discriminatedUnion("kind", [
      z.object({ kind: z.literal("source-workload") }),
      z.object({ kind: z.literal("source-address") }),
      z.object({ kind: z.literal("header"), name: z.string() }),
    ])
    .optional(),
  requests: z.number().int().min(0),
  windowMs: z.number().positive(),
  burst: z.number().int().min(1),
  isShadow: z.boolean(),
  rule: z.string(),
});

/** A filter to run for a workload; its code lies with the proxy, never in the configuration. */
export const FilterWire = z.object({
  name: z.string(),
  direction: z.enum(["inbound", "outbound"]),
  /** Handed to the filter as it is. */
  settings: z.unknown(),
  /** What becomes of a request whose filter throws or does not answer in time. */
  onFailure: z.enum(["skip", "fail"]),
  budgetMs: z.number().positive(),
  /** Where it runs: in the proxy's own thread (the default), or in one of its own that can be ended. */
  isolation: z.enum(["inline", "worker"]).optional(),
});
export type FilterWire = z.infer<typeof FilterWire>;

/** What Telemetry documents say for a workload. */
export const TelemetryWire = z.object({
  /** 0–1; `undefined`: the proxy's own setting. */
  samplingRatio: z.number().min(0).max(1).optional(),
  reportsSpans: z.boolean().optional(),
  customTags: z
    .record(
      z.string(),
      z.union([
        z.object({ literal: z.string() }),
        z.object({ environment: z.string(), defaultValue: z.string().optional() }),
        z.object({ header: z.string(), defaultValue: z.string().optional() }),
      ]),
    )
    .optional(),
  /** `undefined`: the proxy's own setting. */
  accessLog: z.enum(["off", "errors", "all"]).optional(),
  /** Which of the requests `accessLog` names are logged; an expression `compileLogFilter` reads. */
  accessLogFilter: z.string().optional(),
});
export type TelemetryWire = z.infer<typeof TelemetryWire>;
