import type { ServiceResource, WorkloadResource } from "@heddle/contracts";
import {
  type EffectiveMtls,
  formatId,
  type PeerAuthentication,
  ROOT_NAMESPACE,
  type Route,
  resolveMtlsMode,
  type ServiceId,
  type Subset,
  type WorkloadId,
} from "@heddle/mesh";
import type { DestinationRule, Resource, VirtualService, WorkloadEntry } from "@heddle/resources";
import { contentVersion } from "./content-version.ts";

/** A document as the mesh runs it. */
export type MeshDocument = {
  readonly resource: Resource;
  readonly yaml: string;
  readonly revision: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
};

type Of<Kind extends Resource> = MeshDocument & { readonly resource: Kind };

/** All documents at one revision and what they compile to. Never changed, only replaced. */
export type ConfigSnapshot = {
  readonly revision: number;
  /** By `formatRef`. */
  readonly documents: ReadonlyMap<string, MeshDocument>;
  /** Services that documents shape, by `namespace/name`; all others have the default route. */
  readonly services: ReadonlyMap<string, CompiledService>;
  readonly policies: readonly PeerAuthentication[];
  /** Instances without sidecar that serve, by the service's `namespace/name`. */
  readonly plaintextEntries: ReadonlyMap<string, readonly WorkloadEntry[]>;
};

type CompiledService = {
  readonly resource: ServiceResource;
  readonly sources: readonly MeshDocument[];
};

/** Compiles documents; services whose documents are those of `previous` are taken over from it. */
export function compileSnapshot(
  revision: number,
  documents: ReadonlyMap<string, MeshDocument>,
  previous?: ConfigSnapshot,
): ConfigSnapshot {
  const all = [...documents.values()];
  const services = new Map<string, CompiledService>();
  for (const [key, { service, sources }] of collectSources(all)) {
    const before = previous?.services.get(key);
    const isSame =
      before?.sources.length === sources.length &&
      before.sources.every((document, index) => document === sources[index]);
    services.set(key, isSame ? before : { resource: compileService(service, sources), sources });
  }
  const entries = all.flatMap(({ resource }) =>
    resource.kind === "WorkloadEntry" ? resource : [],
  );
  return {
    revision,
    documents,
    services,
    policies: all.flatMap(toPolicy),
    plaintextEntries: Map.groupBy(entries.filter(serves), (entry) => {
      return formatId({ namespace: entry.namespace, name: entry.labels["app"] ?? "" });
    }),
  };
}

/** Routes and subsets of a service, the default (all endpoints) if no document speaks of it. */
export function serviceResource(snapshot: ConfigSnapshot, service: ServiceId): ServiceResource {
  return snapshot.services.get(formatId(service))?.resource ?? compileService(service, []);
}

/** What holds for a workload's inbound side. */
export function workloadResource(
  snapshot: ConfigSnapshot,
  workload: WorkloadId,
  labels: Readonly<Record<string, string>>,
): WorkloadResource {
  const { mode, policy } = effectiveMtls(snapshot, workload, labels);
  const document = policy && snapshot.documents.get(`PeerAuthentication ${formatId(policy)}`);
  const content = {
    kind: "workload" as const,
    key: `workload/${formatId(workload)}`,
    workload: { namespace: workload.namespace, name: workload.name },
    mtlsMode: mode,
  };
  return { ...content, version: contentVersion(content), revision: document?.revision ?? 0 };
}

export function effectiveMtls(
  snapshot: ConfigSnapshot,
  workload: WorkloadId,
  labels: Readonly<Record<string, string>>,
): EffectiveMtls {
  return resolveMtlsMode(snapshot.policies, { namespace: workload.namespace, labels });
}

/** The VirtualService that routes a service, if there is one. */
export function findVirtualService(
  snapshot: ConfigSnapshot,
  serviceKey: string,
): Of<VirtualService> | undefined {
  return snapshot.services.get(serviceKey)?.sources.find(isVirtualService);
}

/**
 * The DestinationRules that name a service's subsets: those in its own namespace, else those in the
 * root namespace; the oldest first, since the first definition of a subset wins (Istio).
 */
function rulesFor(service: ServiceId, rules: readonly Of<DestinationRule>[]) {
  const own = rules.filter(({ resource }) => resource.namespace === service.namespace);
  const rest = rules.filter(({ resource }) => resource.namespace === ROOT_NAMESPACE);
  return (own.length > 0 ? own : rest).toSorted(
    (a, b) => a.createdAtMs - b.createdAtMs || (a.resource.name < b.resource.name ? -1 : 1),
  );
}

function collectSources(
  documents: readonly MeshDocument[],
): Map<string, { service: ServiceId; sources: MeshDocument[] }> {
  const virtualServices = new Map<string, Of<VirtualService>>();
  const rules = new Map<string, Of<DestinationRule>[]>();
  const services = new Map<string, ServiceId>();
  for (const document of documents) {
    if (isVirtualService(document)) {
      for (const service of document.resource.services) {
        services.set(formatId(service), service);
        virtualServices.set(formatId(service), document);
      }
    } else if (isDestinationRule(document)) {
      const key = formatId(document.resource.service);
      services.set(key, document.resource.service);
      rules.set(key, [...(rules.get(key) ?? []), document]);
    }
  }
  const sources = new Map<string, { service: ServiceId; sources: MeshDocument[] }>();
  for (const [key, service] of services) {
    const virtualService = virtualServices.get(key);
    const holding = rulesFor(service, rules.get(key) ?? []);
    sources.set(key, {
      service,
      sources: [...(virtualService ? [virtualService] : []), ...holding],
    });
  }
  return sources;
}

function compileService(service: ServiceId, sources: readonly MeshDocument[]): ServiceResource {
  const name = { namespace: service.namespace, name: service.name };
  const everything = {
    name: "default",
    matches: [],
    destinations: [{ service: name, subset: undefined, weight: 1 }],
    timeoutMs: undefined,
  };
  const routes = sources.find(isVirtualService)?.resource.routes ?? [everything];
  const content = {
    kind: "service" as const,
    key: `service/${formatId(service)}`,
    service: name,
    routes: routes.map(toRouteWire),
    subsets: subsetsOf(sources),
  };
  const revision = Math.max(0, ...sources.map((document) => document.revision));
  return { ...content, version: contentVersion(content), revision };
}

function subsetsOf(sources: readonly MeshDocument[]): Subset[] {
  const subsets = new Map<string, Subset>();
  for (const document of sources) {
    if (!isDestinationRule(document)) continue;
    for (const subset of document.resource.subsets) {
      if (!subsets.has(subset.name)) subsets.set(subset.name, subset);
    }
  }
  return [...subsets.values()].map(({ name, labels }) => ({ name, labels: { ...labels } }));
}

function toRouteWire(route: Route): ServiceResource["routes"][number] {
  return {
    name: route.name,
    matches: route.matches.map((match) => ({
      uri: match.uri,
      ignoreUriCase: match.ignoreUriCase,
      method: match.method,
      authority: match.authority,
      headers: match.headers && { ...match.headers },
      withoutHeaders: match.withoutHeaders && { ...match.withoutHeaders },
    })),
    destinations: route.destinations.map(({ service, subset, weight }) => ({
      service: { namespace: service.namespace, name: service.name },
      ...(subset === undefined ? {} : { subset }),
      weight,
    })),
    ...(route.timeoutMs === undefined ? {} : { timeoutMs: route.timeoutMs }),
  };
}

function toPolicy({ resource, createdAtMs }: MeshDocument): PeerAuthentication[] {
  if (resource.kind !== "PeerAuthentication") return [];
  const { namespace, name, selector, mode } = resource;
  return [{ namespace, name, createdAtMs, selector, mode }];
}

function serves(entry: WorkloadEntry): boolean {
  return entry.port !== undefined && entry.labels["app"] !== undefined;
}

function isVirtualService(document: MeshDocument): document is Of<VirtualService> {
  return document.resource.kind === "VirtualService";
}

function isDestinationRule(document: MeshDocument): document is Of<DestinationRule> {
  return document.resource.kind === "DestinationRule";
}
