import {
  type CorsPolicy,
  type FaultInjection,
  type HeaderOperations,
  RETRY_CONDITIONS,
  type RetryPolicy,
  type Route,
  type RouteMatch,
  type ServicePort,
  type SourceSelector,
  type StringMatch,
  type TcpRoute,
} from "@heddle/mesh";
import { z } from "zod";
import { NameWire } from "./names.ts";

// Each schema is annotated with the mesh's own type, so that the two cannot drift apart.

export const StringMatchWire: z.ZodType<StringMatch> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("exact"), value: z.string() }),
  z.object({ kind: z.literal("prefix"), value: z.string() }),
  z.object({ kind: z.literal("regex"), value: z.string() }),
  z.object({ kind: z.literal("present") }),
]);
const NamedMatches = z.record(z.string(), StringMatchWire);

export const SourceSelectorWire: z.ZodType<SourceSelector> = z.object({
  namespaces: z.array(z.string()).optional(),
  labels: z.record(z.string(), z.string()).optional(),
});

export const RouteMatchWire: z.ZodType<RouteMatch> = z.object({
  name: z.string().optional(),
  uri: StringMatchWire.optional(),
  ignoreUriCase: z.boolean().optional(),
  scheme: StringMatchWire.optional(),
  method: StringMatchWire.optional(),
  authority: StringMatchWire.optional(),
  headers: NamedMatches.optional(),
  withoutHeaders: NamedMatches.optional(),
  queryParams: NamedMatches.optional(),
  port: z.number().int().optional(),
  source: SourceSelectorWire.optional(),
});

const HeaderChangesWire = z.object({
  set: z.record(z.string(), z.string()).optional(),
  add: z.record(z.string(), z.string()).optional(),
  remove: z.array(z.string()).optional(),
});
const HeaderOperationsWire: z.ZodType<HeaderOperations> = z.object({
  request: HeaderChangesWire.optional(),
  response: HeaderChangesWire.optional(),
});

const Weight = z.number().int().min(0);
const Ratio = z.number().min(0).max(1);
const Port = z.number().int().min(1).max(65_535);

const Target = {
  service: NameWire,
  subset: z.string().optional(),
  port: Port.optional(),
};
const DestinationWire = z.object({
  ...Target,
  weight: Weight,
  headers: HeaderOperationsWire.optional(),
});

const FaultWire: z.ZodType<FaultInjection> = z.object({
  delay: z.object({ delayMs: z.number().min(0), ratio: Ratio }).optional(),
  abort: z
    .union([
      z.object({ ratio: Ratio, httpStatus: z.number().int() }),
      z.object({ ratio: Ratio, grpcStatus: z.number().int() }),
    ])
    .optional(),
  scope: z.enum(["request", "attempt"]),
});

const CorsWire: z.ZodType<CorsPolicy> = z.object({
  allowOrigins: z.array(StringMatchWire),
  allowMethods: z.array(z.string()),
  allowHeaders: z.array(z.string()),
  exposeHeaders: z.array(z.string()),
  maxAgeSeconds: z.number().int().optional(),
  allowCredentials: z.boolean().optional(),
  unmatchedPreflights: z.enum(["FORWARD", "IGNORE"]),
});

export const RetryPolicyWire: z.ZodType<RetryPolicy> = z.object({
  attempts: z.number().int().min(0),
  conditions: z.array(z.enum(RETRY_CONDITIONS)),
  statusCodes: z.array(z.number().int()),
  perTryTimeoutMs: z.number().positive().optional(),
  backoffBaseMs: z.number().positive(),
  avoidsPrevious: z.boolean(),
  leavesLocality: z.boolean(),
  idempotentOnly: z.boolean(),
});

export const RouteWire: z.ZodType<Route> = z.object({
  name: z.string(),
  matches: z.array(RouteMatchWire),
  destinations: z.array(DestinationWire),
  redirect: z
    .object({
      uri: z.string().optional(),
      prefixRewrite: z.string().optional(),
      authority: z.string().optional(),
      scheme: z.enum(["http", "https"]).optional(),
      port: z.union([Port, z.enum(["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"])]).optional(),
      status: z.union([
        z.literal(301),
        z.literal(302),
        z.literal(303),
        z.literal(307),
        z.literal(308),
      ]),
    })
    .optional(),
  directResponse: z
    .object({
      status: z.number().int().min(200).max(599),
      body: z.union([z.object({ text: z.string() }), z.object({ base64: z.string() })]).optional(),
    })
    .optional(),
  rewrite: z
    .object({
      uri: z.string().optional(),
      uriRegex: z.object({ match: z.string(), rewrite: z.string() }).optional(),
      authority: z.string().optional(),
    })
    .optional(),
  timeoutMs: z.number().positive().optional(),
  retries: RetryPolicyWire.optional(),
  fault: FaultWire.optional(),
  mirrors: z
    .array(z.object({ destination: z.object(Target), ratio: Ratio, marksHost: z.boolean() }))
    .optional(),
  cors: CorsWire.optional(),
  headers: HeaderOperationsWire.optional(),
});

export const TcpRouteWire: z.ZodType<TcpRoute> = z.object({
  name: z.string(),
  matches: z.array(
    z.object({
      sniHosts: z.array(z.string()).optional(),
      destinationSubnets: z.array(z.string()).optional(),
      port: z.number().int().optional(),
      source: SourceSelectorWire.optional(),
    }),
  ),
  destinations: z.array(z.object({ ...Target, weight: Weight })),
});

export const PortProtocolWire = z.enum(["http", "http2", "grpc", "tcp", "tls", "auto"]);
export const ServicePortWire: z.ZodType<ServicePort> = z.object({
  number: Port,
  name: z.string().optional(),
  protocol: PortProtocolWire,
});
