import type { ConnectionPool, PortProtocol, ServicePort } from "@heddle/mesh";
import type { HostRef, Labels, Named, Visibility } from "./document.ts";

/** A port of a service and where its endpoints serve it. */
export type DeclaredPort = ServicePort & {
  /** Number or, of a Service, name of the workload's port; `undefined`: the same number. */
  readonly targetPort: number | string | undefined;
};

/** Hosts that are no workloads' service of themselves: outside the mesh, or made of given addresses. */
export type ServiceEntry = Named<"ServiceEntry"> & {
  readonly hosts: readonly HostRef[];
  /** IP addresses or CIDRs that apps may ask for instead of a host. */
  readonly addresses: readonly string[];
  readonly ports: readonly DeclaredPort[];
  readonly location: "MESH_EXTERNAL" | "MESH_INTERNAL";
  readonly resolution: "NONE" | "STATIC" | "DNS" | "DNS_ROUND_ROBIN" | "DYNAMIC_DNS";
  readonly endpoints: readonly EntryEndpoint[];
  /** Workloads and WorkloadEntries of the namespace that serve it; an empty one takes all. */
  readonly workloadSelector: Labels | undefined;
  readonly visibleTo: Visibility;
  /** Names to find in the server's certificate. */
  readonly subjectAltNames: readonly string[];
};

/** An address that serves, without a proxy that would register it. */
export type EntryEndpoint = {
  /** IP address, host name or `unix://` path; `""`: none, only a network is named. */
  readonly address: string;
  /** By the name of the service's port. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Labels;
  /** `region/zone/subzone`. */
  readonly locality: string | undefined;
  readonly weight: number | undefined;
  readonly network: string | undefined;
  readonly serviceAccount: string | undefined;
};

/**
 * An instance without sidecar. With a port and a label `app` it is an endpoint of that service, reached
 * in plaintext; without it only gives a caller's address a name.
 */
export type WorkloadEntry = Named<"WorkloadEntry"> &
  EntryEndpoint & {
    /** The first of `ports`. */
    readonly port: number | undefined;
  };

/** A template for WorkloadEntries. Proxies register by themselves, so it is kept, and shapes nothing. */
export type WorkloadGroup = Named<"WorkloadGroup"> & {
  readonly labels: Labels;
  readonly template: Omit<EntryEndpoint, "address">;
};

/** Ports of a service and the workloads that serve it. */
export type ServiceDocument = Named<"Service"> & {
  readonly ports: readonly DeclaredPort[];
  /** `undefined`: the workloads that registered under the service's name. */
  readonly selector: Labels | undefined;
  /** Type ExternalName: another name for that host. */
  readonly externalName: string | undefined;
};

/** What workloads of a namespace can reach, and how they are reached. */
export type Sidecar = Named<"Sidecar"> & {
  /** `undefined`: all workloads of its namespace. */
  readonly workloadSelector: Labels | undefined;
  readonly ingress: readonly SidecarIngress[];
  /** `undefined`: not said; everything is reachable. */
  readonly egress: readonly SidecarEgress[] | undefined;
  readonly outboundTrafficPolicy: "ALLOW_ANY" | "REGISTRY_ONLY" | undefined;
  readonly inboundConnectionPool: ConnectionPool | undefined;
};

export type SidecarIngress = {
  readonly port: ServicePort;
  readonly bind: string | undefined;
  /** `127.0.0.1:8080`, `unix:///path`; `undefined`: the port itself. */
  readonly defaultEndpoint: string | undefined;
  readonly connectionPool: ConnectionPool | undefined;
};

export type SidecarEgress = {
  /** `undefined`: every port. */
  readonly port: { readonly number: number; readonly protocol: PortProtocol } | undefined;
  readonly bind: string | undefined;
  readonly hosts: readonly EgressHost[];
};

/** `namespace/host`: `*` any, `.` is resolved already, `~` none; `isExcluded`: `~ns/host` takes away. */
export type EgressHost = {
  readonly namespace: string;
  readonly host: string;
  readonly isExcluded: boolean;
};

/** Names of the DNS whose answers are endpoints of a service (heddle.dev/v1). */
export type DnsSourceDocument = Named<"DnsSource"> & {
  /** Of the document's own namespace. */
  readonly service: string;
  readonly lookups: readonly DnsLookup[];
  /** By which callers ask for the service. */
  readonly port: ServicePort;
  /** `address:port` of the servers to ask; empty: those of the system. */
  readonly servers: readonly string[];
  /** A name is asked for again when its answer's time is over, but neither sooner nor later than this. */
  readonly minIntervalMs: number;
  readonly maxIntervalMs: number;
};

export type DnsLookup = {
  readonly name: string;
  /** `ADDRESS`: A and AAAA. */
  readonly type: "A" | "AAAA" | "ADDRESS" | "SRV";
  /** Where its addresses serve; of SRV the answer says that. */
  readonly port: number;
  readonly labels: Labels;
  readonly locality: string | undefined;
  /** Of each address; of SRV the answer says that. */
  readonly weight: number | undefined;
};

/** What somebody has set by hand for one instance (heddle.dev/v1). */
export type InstanceOverrideDocument = Named<"InstanceOverride"> & {
  /** Of the document's own namespace. */
  readonly workload: string;
  readonly address: string;
  /** `undefined`: every port of that address. */
  readonly port: number | undefined;
  /** It gets no new requests. */
  readonly isDrained: boolean;
  readonly weight: number | undefined;
  /** In the place of its own of these names. */
  readonly labels: Labels;
  readonly locality: string | undefined;
  /** Epoch ms; `undefined`: until somebody takes it back. */
  readonly untilMs: number | undefined;
};
