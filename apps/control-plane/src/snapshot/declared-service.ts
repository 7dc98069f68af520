import type { ServiceResource } from "@heddle/contracts";
import { formatId, type ServiceId } from "@heddle/mesh";
import {
  type DeclaredPort,
  type EntryEndpoint,
  formatRef,
  isDnsLabel,
  type Labels,
  type ServiceEntry,
} from "@heddle/resources";
import type { DeclaredHost } from "./host-index.ts";
import { byAge, type DocumentOf, isOf, type MeshDocument } from "./mesh-document.ts";
import { aliasedService } from "./service-alias.ts";
import { hostOf, wildcardSuffix } from "./service-host.ts";

/** A service as documents declare it: a ServiceEntry, a Service, or both over one that is registered. */
export type DeclaredService = {
  readonly service: ServiceId;
  readonly host: string;
  readonly sources: readonly MeshDocument[];
  readonly ports: readonly DeclaredPort[];
  readonly isExternal: boolean;
  readonly resolution: ServiceResource["resolution"];
  readonly endpoints: readonly DeclaredEndpoint[];
  /** Instances and WorkloadEntries of that namespace with these labels serve it. */
  readonly selectors: readonly { readonly namespace: string; readonly labels: Labels }[];
  /** Whether instances that registered under its name serve it. */
  readonly takesRegistered: boolean;
  readonly subjectAltNames: readonly string[];
};

/** An address written down in a document. */
export type DeclaredEndpoint = {
  readonly id: string;
  readonly document: MeshDocument;
  readonly endpoint: EntryEndpoint;
};

type Declaring = DocumentOf<"ServiceEntry"> | DocumentOf<"Service">;

/** Every service that ServiceEntries and Services declare, by `namespace/name`. */
export function declareServices(documents: readonly MeshDocument[]): Map<string, DeclaredService> {
  const declaring = documents
    .filter((one): one is Declaring => isOf(one, "ServiceEntry") || isOf(one, "Service"))
    .toSorted(byAge);
  const parts = declaring.flatMap((document) =>
    servicesOf(document).map((service) => ({ service, document })),
  );
  const grouped = Map.groupBy(parts, ({ service }) => formatId(service));
  return new Map(
    [...grouped].map(([key, group]) => {
      const [first] = group;
      const service = first?.service ?? { namespace: "", name: "" };
      return [key, declare(service, [...new Set(group.map(({ document }) => document))])];
    }),
  );
}

/** Every host they name, the oldest document first. */
export function declareHosts(documents: readonly MeshDocument[]): DeclaredHost[] {
  const entries = documents.filter((one) => isOf(one, "ServiceEntry")).toSorted(byAge);
  return entries.flatMap(({ resource }) =>
    resource.hosts.map((ref) => {
      const service = serviceOfEntryHost(resource, ref);
      const { visibleTo, addresses } = resource;
      return { host: hostOf(service), service, visibleTo, addresses };
    }),
  );
}

/**
 * A ServiceEntry's host means a service of the mesh only where it is written out (`reviews`,
 * `reviews.shop.svc.cluster.local`); `github.com` is no service `github` of a namespace `com`.
 */
function serviceOfEntryHost(
  { namespace }: ServiceEntry,
  { host, service }: ServiceEntry["hosts"][number],
): ServiceId {
  const isOfMesh = service.namespace !== "" && host === hostOf(service);
  return isOfMesh ? service : { namespace, name: host };
}

function servicesOf({ resource }: Declaring): ServiceId[] {
  if (resource.kind === "Service") return [{ namespace: resource.namespace, name: resource.name }];
  return resource.hosts.map((ref) => serviceOfEntryHost(resource, ref));
}

function declare(service: ServiceId, sources: readonly Declaring[]): DeclaredService {
  const entries = sources.filter((one) => isOf(one, "ServiceEntry"));
  const services = sources.filter((one) => isOf(one, "Service"));
  const alias = services.find(
    (one) => one.resource.externalName !== undefined && aliasedService(one) === undefined,
  );
  const [entry] = entries;
  const [plain] = services;
  const ports = new Map<number, DeclaredPort>();
  for (const { resource } of [...services, ...entries]) {
    for (const port of resource.ports) if (!ports.has(port.number)) ports.set(port.number, port);
  }
  return {
    service: { namespace: service.namespace, name: service.name },
    host: hostOf(service),
    sources,
    ports: [...ports.values()],
    isExternal: entry ? entry.resource.location === "MESH_EXTERNAL" : alias !== undefined,
    resolution: entry ? resolutionOf(entry.resource, hostOf(service)) : alias ? "dns" : undefined,
    endpoints: [...entries.flatMap(endpointsOf), ...(alias ? [aliasEndpoint(alias)] : [])],
    selectors: sources.flatMap(selectorOf),
    takesRegistered: isDnsLabel(service.name) && plain?.resource.selector === undefined,
    subjectAltNames: entries.flatMap(({ resource }) => resource.subjectAltNames),
  };
}

function selectorOf({ resource }: Declaring): DeclaredService["selectors"][number][] {
  const labels =
    resource.kind === "Service" ? nonEmpty(resource.selector) : resource.workloadSelector;
  return labels ? [{ namespace: resource.namespace, labels }] : [];
}

/** A Service with an empty selector has none (its endpoints are made by hand). */
function nonEmpty(labels: Labels | undefined): Labels | undefined {
  return labels && Object.keys(labels).length > 0 ? labels : undefined;
}

/** DYNAMIC_DNS under a wildcard: each host the app asks for is looked up by itself. */
function resolutionOf({ resolution }: ServiceEntry, host: string): ServiceResource["resolution"] {
  switch (resolution) {
    case "STATIC":
      return undefined;
    case "DNS":
      return "dns";
    case "DNS_ROUND_ROBIN":
      return "dns-one";
    case "DYNAMIC_DNS":
      return wildcardSuffix(host) === undefined ? "dns" : "none";
    default:
      return "none";
  }
}

function endpointsOf(document: DocumentOf<"ServiceEntry">): DeclaredEndpoint[] {
  const { namespace, name, endpoints, resolution } = document.resource;
  if (resolution === "NONE") return []; // whatever address the app asks for is the endpoint
  return endpoints.flatMap((endpoint, at): DeclaredEndpoint[] => {
    const id = `service-entry/${namespace}/${name}/${at}`;
    return isReachable(endpoint) ? [{ id, document, endpoint }] : [];
  });
}

function aliasEndpoint(document: DocumentOf<"Service">): DeclaredEndpoint {
  const { resource } = document;
  const endpoint: EntryEndpoint = {
    address: resource.externalName ?? "",
    ports: {},
    labels: {},
    locality: undefined,
    weight: undefined,
    network: undefined,
    serviceAccount: undefined,
  };
  return { id: `service/${formatRef(resource).split(" ")[1]}`, document, endpoint };
}

/** Neither a mere network nor a Unix socket, which no proxy of another host could reach. */
export function isReachable({ address }: Pick<EntryEndpoint, "address">): boolean {
  return address !== "" && !address.startsWith("unix:");
}
