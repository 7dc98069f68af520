import type {
  BalancingAlgorithm,
  ConnectionPool,
  HashKey,
  LeveledPolicy,
  LocalityPolicy,
  OutlierDetection,
  SubsetRule,
  TrafficPolicy,
} from "@heddle/mesh";
import { z } from "zod";

// Each schema is annotated with the mesh's own type, so that the two cannot drift apart.

const Ratio = z.number().min(0).max(1);
const Ms = z.number().min(0);
const Count = z.number().int().min(0);

const HashKeyWire: z.ZodType<HashKey> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("header"), name: z.string() }),
  z.object({
    kind: z.literal("cookie"),
    name: z.string(),
    path: z.string().optional(),
    ttlSeconds: z.number().min(0).optional(),
    attributes: z.array(z.object({ name: z.string(), value: z.string().optional() })).optional(),
  }),
  z.object({ kind: z.literal("source-ip") }),
  z.object({ kind: z.literal("query"), name: z.string() }),
]);

const AlgorithmWire: z.ZodType<BalancingAlgorithm> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("least-request") }),
  z.object({ kind: z.literal("round-robin") }),
  z.object({ kind: z.literal("random") }),
  z.object({ kind: z.literal("passthrough") }),
  z.object({
    kind: z.literal("peak-ewma"),
    decayMs: z.number().positive(),
    failurePenaltyMs: Ms,
  }),
  z.object({ kind: z.literal("ring-hash"), key: HashKeyWire, minimumRingSize: Count }),
  z.object({ kind: z.literal("maglev"), key: HashKeyWire, tableSize: Count }),
]);

const LocalityWire: z.ZodType<LocalityPolicy> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("off") }),
  z.object({
    kind: z.literal("distribute"),
    from: z.array(z.object({ from: z.string(), to: z.record(z.string(), z.number()) })),
  }),
  z.object({
    kind: z.literal("failover"),
    failover: z.record(z.string(), z.string()),
    priorityLabels: z.array(z.string()),
  }),
]);

export const ConnectionPoolWire: z.ZodType<ConnectionPool> = z.object({
  maxConnections: Count.optional(),
  connectTimeoutMs: Ms.optional(),
  maxConnectionDurationMs: Ms.optional(),
  tcpIdleTimeoutMs: Ms.optional(),
  tcpKeepaliveMs: Ms.optional(),
  maxPendingRequests: Count.optional(),
  maxRequests: Count.optional(),
  maxRetries: Count.optional(),
  maxRequestsPerConnection: Count.optional(),
  httpIdleTimeoutMs: Ms.optional(),
  maxConcurrentStreams: Count.optional(),
  upgradesToHttp2: z.boolean().optional(),
  usesClientProtocol: z.boolean().optional(),
});

const OutlierDetectionWire: z.ZodType<OutlierDetection> = z.object({
  consecutive5xxErrors: Count,
  consecutiveGatewayErrors: Count,
  consecutiveLocalOriginFailures: Count,
  splitsLocalOrigin: z.boolean(),
  errorCodes: z.array(z.number().int()),
  intervalMs: z.number().positive(),
  baseEjectionMs: z.number().positive(),
  maxEjectionRatio: Ratio,
  minHealthRatio: Ratio,
});

const policyFields = {
  loadBalancer: z
    .object({
      algorithm: AlgorithmWire,
      locality: LocalityWire.optional(),
      warmup: z
        .object({ durationMs: Ms, minimumRatio: Ratio, aggression: z.number().positive() })
        .optional(),
    })
    .optional(),
  connectionPool: ConnectionPoolWire.optional(),
  outlierDetection: OutlierDetectionWire.optional(),
  tls: z
    .object({
      mode: z.enum(["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"]),
      sni: z.string().optional(),
      subjectAltNames: z.array(z.string()).optional(),
      caCertificatesFile: z.string().optional(),
      clientCertificateFile: z.string().optional(),
      privateKeyFile: z.string().optional(),
      skipsVerification: z.boolean().optional(),
    })
    .optional(),
  retryBudget: z.object({ ratio: Ratio, minConcurrency: Count }).optional(),
};
const TrafficPolicyWire: z.ZodType<TrafficPolicy> = z.object(policyFields);
export const LeveledPolicyWire: z.ZodType<LeveledPolicy> = z.object({
  ...policyFields,
  ports: z.record(z.string(), TrafficPolicyWire).optional(),
});
export const SubsetWire: z.ZodType<SubsetRule> = z.object({
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  trafficPolicy: LeveledPolicyWire.optional(),
});
