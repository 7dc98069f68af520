import type { Subset } from "../routing/route.ts";

/** What a DestinationRule says of a service's endpoints. A block left out falls to the level above. */
export type TrafficPolicy = {
  readonly loadBalancer?: LoadBalancer | undefined;
  readonly connectionPool?: ConnectionPool | undefined;
  readonly outlierDetection?: OutlierDetection | undefined;
  readonly tls?: ClientTls | undefined;
  readonly retryBudget?: RetryBudget | undefined;
};

/** A policy with its port-level entries, each of which replaces everything at its level. */
export type LeveledPolicy = TrafficPolicy & {
  readonly ports?: Readonly<Record<string, TrafficPolicy>> | undefined;
};

/** A subset with what it says beyond its rule. */
export type SubsetRule = Subset & { readonly trafficPolicy?: LeveledPolicy | undefined };

export type LoadBalancer = {
  readonly algorithm: BalancingAlgorithm;
  readonly locality?: LocalityPolicy | undefined;
  readonly warmup?: Warmup | undefined;
};

export type BalancingAlgorithm =
  | { readonly kind: "least-request" }
  | { readonly kind: "round-robin" }
  | { readonly kind: "random" }
  /** To the address the caller asked for, no balancing. */
  | { readonly kind: "passthrough" }
  /**
   * heddle.dev/v1: two choices by exponentially weighted latency times requests under way. A failed
   * answer counts as one that took at least `failurePenaltyMs`, so that failing fast attracts nothing.
   */
  | { readonly kind: "peak-ewma"; readonly decayMs: number; readonly failurePenaltyMs: number }
  | {
      readonly kind: "ring-hash";
      readonly key: HashKey;
      readonly minimumRingSize: number;
    }
  | { readonly kind: "maglev"; readonly key: HashKey; readonly tableSize: number };

/** What of a request is hashed; a request without it is sent anywhere. */
export type HashKey =
  | { readonly kind: "header"; readonly name: string }
  /** `ttlSeconds` given: a request without the cookie gets one (0: for the session). */
  | {
      readonly kind: "cookie";
      readonly name: string;
      readonly path?: string | undefined;
      readonly ttlSeconds?: number | undefined;
      readonly attributes?: readonly { name: string; value?: string | undefined }[] | undefined;
    }
  | { readonly kind: "source-ip" }
  | { readonly kind: "query"; readonly name: string };

/** LocalityLbSetting; localities are `region/zone/subzone` with `*` for the rest. */
export type LocalityPolicy =
  | { readonly kind: "off" }
  | {
      readonly kind: "distribute";
      readonly from: readonly {
        readonly from: string;
        readonly to: Readonly<Record<string, number>>;
      }[];
    }
  /** `failover` names for a region the region to go to next; without an entry, any. */
  | {
      readonly kind: "failover";
      readonly failover: Readonly<Record<string, string>>;
      readonly priorityLabels: readonly string[];
    };

/** A new endpoint's share grows from `minimumRatio` (0–1) to 1 over `durationMs`, as age^(1/aggression). */
export type Warmup = {
  readonly durationMs: number;
  readonly minimumRatio: number;
  readonly aggression: number;
};

/** Limits hold per proxy and destination; a field left out: no limit of that kind. */
export type ConnectionPool = {
  readonly maxConnections?: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
  readonly maxConnectionDurationMs?: number | undefined;
  /** Of TCP connections; 0: never. */
  readonly tcpIdleTimeoutMs?: number | undefined;
  readonly tcpKeepaliveMs?: number | undefined;
  readonly maxPendingRequests?: number | undefined;
  readonly maxRequests?: number | undefined;
  readonly maxRetries?: number | undefined;
  /** 0: unlimited; 1: no keep-alive. */
  readonly maxRequestsPerConnection?: number | undefined;
  readonly httpIdleTimeoutMs?: number | undefined;
  readonly maxConcurrentStreams?: number | undefined;
  /** h2UpgradePolicy UPGRADE: HTTP/2 to the endpoint though the port says HTTP/1.1. */
  readonly upgradesToHttp2?: boolean | undefined;
  readonly usesClientProtocol?: boolean | undefined;
};

/** Ejects endpoints that fail. Times in ms, shares 0–1. */
export type OutlierDetection = {
  /** 0: off. */
  readonly consecutive5xxErrors: number;
  readonly consecutiveGatewayErrors: number;
  /** Counted apart from the endpoint's own answers; 0: off. */
  readonly consecutiveLocalOriginFailures: number;
  readonly splitsLocalOrigin: boolean;
  /** Codes that count as errors instead of 5xx; empty: 5xx. */
  readonly errorCodes: readonly number[];
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionRatio: number;
  /** Below this share of healthy endpoints ejection is ignored; 0: never. */
  readonly minHealthRatio: number;
};

export type RetryBudget = {
  /** Retries under way may be this share of the requests under way, 0–1. */
  readonly ratio: number;
  readonly minConcurrency: number;
};

/** ClientTLSSettings. `undefined` on a policy: mTLS to endpoints with an identity, else plaintext. */
export type ClientTls = {
  readonly mode: "DISABLE" | "SIMPLE" | "MUTUAL" | "ISTIO_MUTUAL";
  readonly sni?: string | undefined;
  readonly subjectAltNames?: readonly string[] | undefined;
  readonly caCertificatesFile?: string | undefined;
  readonly clientCertificateFile?: string | undefined;
  readonly privateKeyFile?: string | undefined;
  readonly skipsVerification?: boolean | undefined;
};
