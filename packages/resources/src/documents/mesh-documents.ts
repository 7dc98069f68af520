import type {
  ConnectionPool,
  ExternalAuthorizer,
  FaultInjection,
  LocalityPolicy,
  OutlierDetection,
  RetryPolicy,
  TrafficPolicy,
} from "@heddle/mesh";
import type { HostRef, Labels, Named, PolicyTarget } from "./document.ts";

/** Settings of the whole mesh (heddle.dev/v1, fields named as in Istio's MeshConfig). `undefined`: not said. */
export type MeshConfigDocument = Named<"MeshConfig"> & {
  readonly outboundTrafficPolicy: "ALLOW_ANY" | "REGISTRY_ONLY" | undefined;
  readonly pathNormalization:
    | "NONE"
    | "BASE"
    | "MERGE_SLASHES"
    | "DECODE_AND_MERGE_SLASHES"
    | undefined;
  readonly trustDomain: string | undefined;
  readonly trustDomainAliases: readonly string[];
  /** Roots beside the mesh's own; without trust domains they are the mesh's. */
  readonly caCertificates: readonly {
    readonly pem: string;
    readonly trustDomains: readonly string[];
  }[];
  readonly rootNamespace: string | undefined;
  readonly trustedProxyCount: number | undefined;
  readonly extensionProviders: readonly ExtensionProvider[];
  readonly defaultRetries: RetryPolicy | undefined;
  readonly locality: LocalityPolicy | undefined;
  readonly defaultTrafficPolicy:
    | {
        readonly connectionPool: ConnectionPool | undefined;
        readonly outlierDetection: OutlierDetection | undefined;
      }
    | undefined;
};

/** Somebody outside the mesh's own processes, by the name policies use; kinds other than authorizers are kept as they are. */
export type ExtensionProvider = {
  readonly name: string;
  readonly type: string;
  readonly authorizer?: ExternalAuthorizer;
};

/** A rule between a set of sources and a set of destinations (heddle.dev/v1); both are ORed lists. */
export type TrafficPolicyDocument = Named<"TrafficPolicy"> & {
  /** None: every caller. */
  readonly sources: readonly TrafficSource[];
  readonly destinations: readonly TrafficDestination[];
  readonly policy: TrafficPolicy;
  readonly timeoutMs: number | undefined;
  readonly retries: RetryPolicy | undefined;
  readonly fault: FaultInjection | undefined;
};

/** Parts are ANDed, a part left out holds; `*` in a name is not special. */
export type TrafficSource = {
  readonly namespace: string | undefined;
  readonly service: string | undefined;
  readonly workload: string | undefined;
  readonly labels: Labels | undefined;
};

/** `subset` undefined: whatever the route picks. */
export type TrafficDestination = HostRef & { readonly subset: string | undefined };

/** What proxies tell of requests. Lists in the order written. */
export type TelemetryDocument = Named<"Telemetry"> &
  PolicyTarget & {
    readonly tracing: readonly TracingRule[];
    readonly metrics: readonly MetricsRule[];
    readonly accessLogging: readonly AccessLoggingRule[];
  };

export type TelemetryMode = "CLIENT" | "SERVER" | "CLIENT_AND_SERVER";

export type TracingRule = {
  readonly mode: TelemetryMode;
  readonly providers: readonly string[];
  /** 0–1. */
  readonly samplingRatio: number | undefined;
  readonly disablesReporting: boolean | undefined;
  /** Replaces the parent's tags as a whole; `undefined`: the parent's hold. */
  readonly customTags: Readonly<Record<string, CustomTag>> | undefined;
};

export type CustomTag =
  | { readonly literal: string }
  | { readonly environment: string; readonly defaultValue?: string }
  | { readonly header: string; readonly defaultValue?: string };

export type MetricsRule = {
  readonly providers: readonly string[];
  readonly overrides: readonly MetricOverride[];
};

export type MetricOverride = {
  readonly mode: TelemetryMode;
  /** Istio's name (`REQUEST_COUNT`) or a custom one; `ALL_METRICS`: every one. */
  readonly metric: string;
  readonly isDisabled: boolean | undefined;
  /** `undefined` as a value: the tag is removed; else an expression. */
  readonly tags: Readonly<Record<string, string | undefined>>;
};

export type AccessLoggingRule = {
  readonly mode: TelemetryMode;
  readonly providers: readonly string[];
  readonly isDisabled: boolean;
  /** CEL, as written. */
  readonly filter: string | undefined;
};

/** A pair of services, or a workload, off the mesh's rules until a moment (heddle.dev/v1). */
export type BypassDocument = Named<"Bypass"> & {
  readonly target:
    | {
        readonly kind: "pair";
        /** Who calls; of the document's own namespace. */
        readonly source: {
          readonly namespace: string;
          readonly service: string | undefined;
          readonly workload: string | undefined;
        };
        readonly destination: HostRef;
      }
    | {
        readonly kind: "workload";
        /** Of the document's own namespace. */
        readonly workload: string;
        readonly includesAuthorization: boolean;
      };
  /** Epoch ms; from then on the document says nothing. */
  readonly untilMs: number;
};
