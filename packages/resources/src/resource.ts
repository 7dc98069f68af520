import type { MtlsMode, Route, ServiceId, Subset } from "@heddle/mesh";

/** Names a document, e.g. `{ kind: "VirtualService", namespace: "shop", name: "reviews" }`. */
export type ResourceRef = {
  readonly kind: ResourceKindName;
  readonly namespace: string;
  readonly name: string;
};

export const RESOURCE_KINDS = [
  "VirtualService",
  "DestinationRule",
  "PeerAuthentication",
  "WorkloadEntry",
] as const;
export type ResourceKindName = (typeof RESOURCE_KINDS)[number];

/** Routes of the services it names, in list order; the first that matches wins. */
export type VirtualService = ResourceRef & {
  readonly kind: "VirtualService";
  readonly services: readonly ServiceId[];
  readonly routes: readonly Route[];
};

/** Names parts of a service's endpoints. */
export type DestinationRule = ResourceRef & {
  readonly kind: "DestinationRule";
  readonly service: ServiceId;
  readonly subsets: readonly Subset[];
};

/** `selector` undefined: the whole namespace (the mesh, in the root namespace); `mode` undefined: UNSET. */
export type PeerAuthenticationDocument = ResourceRef & {
  readonly kind: "PeerAuthentication";
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly mode: MtlsMode | undefined;
};

/**
 * An instance without sidecar. With a port and a label `app` it is an endpoint of that service, reached
 * in plaintext; without it only gives a caller's address a name.
 */
export type WorkloadEntry = ResourceRef & {
  readonly kind: "WorkloadEntry";
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly port: number | undefined;
};

export type Resource =
  | VirtualService
  | DestinationRule
  | PeerAuthenticationDocument
  | WorkloadEntry;

/** `VirtualService shop/reviews`: how messages name a document, and a key for maps. */
export function formatRef(ref: ResourceRef): string {
  return `${ref.kind} ${ref.namespace}/${ref.name}`;
}
