import type { z } from "zod";
import { DestinationRuleSchema } from "./kinds/destination-rule.ts";
import { PeerAuthenticationSchema } from "./kinds/peer-authentication.ts";
import { VirtualServiceSchema } from "./kinds/virtual-service.ts";
import { WorkloadEntrySchema, WorkloadGroupSchema } from "./kinds/workload-entry.ts";
import type { Resource, ResourceKindName } from "./resource.ts";

export type KindSchema = {
  readonly group: string;
  /** The first is the one to write. */
  readonly versions: readonly string[];
  readonly schema: z.ZodType<Resource>;
};

const NETWORKING = {
  group: "networking.istio.io",
  versions: ["v1", "v1beta1", "v1alpha3"],
} as const;
const SECURITY = { group: "security.istio.io", versions: ["v1", "v1beta1"] } as const;

/** Every kind that is served, with the group and versions it is written in. */
export const KINDS = {
  VirtualService: { ...NETWORKING, schema: VirtualServiceSchema },
  DestinationRule: { ...NETWORKING, schema: DestinationRuleSchema },
  WorkloadEntry: { ...NETWORKING, schema: WorkloadEntrySchema },
  WorkloadGroup: { ...NETWORKING, schema: WorkloadGroupSchema },
  PeerAuthentication: { ...SECURITY, schema: PeerAuthenticationSchema },
} satisfies Partial<Record<ResourceKindName, KindSchema>>;

/** Groups that articles use in the place of Istio's. */
const GROUP_ALIASES: Readonly<Record<string, string>> = {
  "networking.example.com": "networking.istio.io",
  "security.example.com": "security.istio.io",
  "telemetry.example.com": "telemetry.istio.io",
};

export function findKind(kind: string): KindSchema | undefined {
  return Object.hasOwn(KINDS, kind) ? KINDS[kind as keyof typeof KINDS] : undefined;
}

/** `networking.istio.io/v1`, and `v1` for Kubernetes' core group. */
export function formatApiVersion(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

/** The group a document's `apiVersion` stands for, where it is written in another name. */
export function resolveAlias(apiVersion: string): string | undefined {
  const [group = "", version] = apiVersion.split("/");
  const meant = Object.hasOwn(GROUP_ALIASES, group) ? GROUP_ALIASES[group] : undefined;
  return meant === undefined || version === undefined ? undefined : `${meant}/${version}`;
}
