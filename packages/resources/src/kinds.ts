import type { z } from "zod";
import { AuthorizationPolicySchema } from "./kinds/authorization-policy.ts";
import { BypassSchema } from "./kinds/bypass.ts";
import { DestinationRuleSchema } from "./kinds/destination-rule.ts";
import { DnsSourceSchema } from "./kinds/dns-source.ts";
import { InstanceOverrideSchema } from "./kinds/instance-override.ts";
import { MeshConfigSchema } from "./kinds/mesh-config.ts";
import { PeerAuthenticationSchema } from "./kinds/peer-authentication.ts";
import { ProxyFilterSchema } from "./kinds/proxy-filter.ts";
import { RateLimitSchema } from "./kinds/rate-limit.ts";
import { RequestAuthenticationSchema } from "./kinds/request-authentication.ts";
import { ServiceSchema } from "./kinds/service.ts";
import { ServiceEntrySchema } from "./kinds/service-entry.ts";
import { SidecarSchema } from "./kinds/sidecar.ts";
import { TrafficPolicySchema } from "./kinds/source-policy.ts";
import { TelemetrySchema } from "./kinds/telemetry.ts";
import { VirtualServiceSchema } from "./kinds/virtual-service.ts";
import { WorkloadEntrySchema, WorkloadGroupSchema } from "./kinds/workload-entry.ts";
import type { Resource, ResourceKindName } from "./resource.ts";

export type KindSchema = {
  readonly group: string;
  /** The first is the one to write. */
  readonly versions: readonly string[];
  readonly schema: z.ZodType<Resource>;
};

const NETWORKING = { group: "networking.istio.io", versions: ["v1", "v1beta1", "v1alpha3"] };
const SECURITY = { group: "security.istio.io", versions: ["v1", "v1beta1"] };
const TELEMETRY = { group: "telemetry.istio.io", versions: ["v1", "v1alpha1"] };
const HEDDLE = { group: "heddle.dev", versions: ["v1"] };

/** Every kind that is served, with the group and versions it is written in. */
export const KINDS: Readonly<Record<ResourceKindName, KindSchema>> = {
  VirtualService: { ...NETWORKING, schema: VirtualServiceSchema },
  DestinationRule: { ...NETWORKING, schema: DestinationRuleSchema },
  ServiceEntry: { ...NETWORKING, schema: ServiceEntrySchema },
  Sidecar: { ...NETWORKING, schema: SidecarSchema },
  WorkloadEntry: { ...NETWORKING, schema: WorkloadEntrySchema },
  WorkloadGroup: { ...NETWORKING, schema: WorkloadGroupSchema },
  PeerAuthentication: { ...SECURITY, schema: PeerAuthenticationSchema },
  AuthorizationPolicy: { ...SECURITY, schema: AuthorizationPolicySchema },
  RequestAuthentication: { ...SECURITY, schema: RequestAuthenticationSchema },
  Telemetry: { ...TELEMETRY, schema: TelemetrySchema },
  Service: { group: "", versions: ["v1"], schema: ServiceSchema },
  MeshConfig: { ...HEDDLE, schema: MeshConfigSchema },
  TrafficPolicy: { ...HEDDLE, schema: TrafficPolicySchema },
  RateLimit: { ...HEDDLE, schema: RateLimitSchema },
  ProxyFilter: { ...HEDDLE, schema: ProxyFilterSchema },
  Bypass: { ...HEDDLE, schema: BypassSchema },
  DnsSource: { ...HEDDLE, schema: DnsSourceSchema },
  InstanceOverride: { ...HEDDLE, schema: InstanceOverrideSchema },
};

/** Groups that articles write in the place of Istio's. */
const GROUP_ALIASES: Readonly<Record<string, string>> = {
  "networking.example.com": "networking.istio.io",
  "security.example.com": "security.istio.io",
  "telemetry.example.com": "telemetry.istio.io",
};

export function findKind(kind: string): KindSchema | undefined {
  return Object.hasOwn(KINDS, kind) ? KINDS[kind as ResourceKindName] : undefined;
}

/** `networking.istio.io/v1`, and `v1` for Kubernetes' core group. */
export function formatApiVersion(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

/** What a document's `apiVersion` stands for, where its group is written in another name. */
export function resolveAlias(apiVersion: string): string | undefined {
  const [group = "", version] = apiVersion.split("/");
  const meant = Object.hasOwn(GROUP_ALIASES, group) ? GROUP_ALIASES[group] : undefined;
  return meant === undefined || version === undefined ? undefined : `${meant}/${version}`;
}
