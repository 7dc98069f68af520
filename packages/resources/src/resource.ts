import type {
  BypassDocument,
  MeshConfigDocument,
  TelemetryDocument,
  TrafficPolicyDocument,
} from "./documents/mesh-documents.ts";
import type {
  AuthorizationPolicyDocument,
  PeerAuthenticationDocument,
  ProxyFilterDocument,
  RateLimitDocument,
  RequestAuthenticationDocument,
} from "./documents/policy-documents.ts";
import type {
  DnsSourceDocument,
  InstanceOverrideDocument,
  ServiceDocument,
  ServiceEntry,
  Sidecar,
  WorkloadEntry,
  WorkloadGroup,
} from "./documents/registry-documents.ts";
import type { DestinationRule, VirtualService } from "./documents/routing-documents.ts";

/** Every kind that is kept. */
export const RESOURCE_KINDS = [
  "VirtualService",
  "DestinationRule",
  "ServiceEntry",
  "Sidecar",
  "WorkloadEntry",
  "WorkloadGroup",
  "PeerAuthentication",
  "AuthorizationPolicy",
  "RequestAuthentication",
  "Telemetry",
  "Service",
  "MeshConfig",
  "TrafficPolicy",
  "RateLimit",
  "ProxyFilter",
  "Bypass",
  "DnsSource",
  "InstanceOverride",
] as const;
export type ResourceKindName = (typeof RESOURCE_KINDS)[number];

/** Names a document, e.g. `{ kind: "VirtualService", namespace: "shop", name: "reviews" }`. */
export type ResourceRef = {
  readonly kind: ResourceKindName;
  readonly namespace: string;
  readonly name: string;
};

export type Resource =
  | VirtualService
  | DestinationRule
  | ServiceEntry
  | Sidecar
  | WorkloadEntry
  | WorkloadGroup
  | PeerAuthenticationDocument
  | AuthorizationPolicyDocument
  | RequestAuthenticationDocument
  | TelemetryDocument
  | ServiceDocument
  | MeshConfigDocument
  | TrafficPolicyDocument
  | RateLimitDocument
  | ProxyFilterDocument
  | BypassDocument
  | DnsSourceDocument
  | InstanceOverrideDocument;

/** `VirtualService shop/reviews`: how messages name a document, and a key for maps. */
export function formatRef(ref: ResourceRef): string {
  return `${ref.kind} ${ref.namespace}/${ref.name}`;
}
