import { formatId, ROOT_NAMESPACE } from "@heddle/mesh";
import { type Fault, formatRef, type VirtualService } from "@heddle/resources";
import type { MeshDocument } from "../snapshot/config-snapshot.ts";

/** What speaks against running these documents together, and what is odd about the changed ones. */
export type CheckOutcome = {
  readonly faults: readonly Fault[];
  readonly warnings: readonly string[];
};

/**
 * Checks documents against each other. Faults: two VirtualServices for one service (Istio ignores the
 * younger in silence), a route to a subset no DestinationRule names, a DestinationRule in a namespace
 * where it would hold for some callers only. `changed`: the refs whose warnings are wanted.
 */
export function checkDocuments(
  documents: ReadonlyMap<string, MeshDocument>,
  changed: ReadonlySet<string>,
  isService: (key: string) => boolean,
): CheckOutcome {
  const all = [...documents.values()].map(({ resource }) => resource);
  const virtualServices = all.filter((resource) => resource.kind === "VirtualService");
  const subsets = collectSubsets(documents);
  const warnings = [...documents.values()]
    .filter(({ resource }) => changed.has(formatRef(resource)))
    .flatMap((document) => warnOf(document, documents, isService));
  const misplaced = all.flatMap((resource): Fault[] => {
    if (resource.kind !== "DestinationRule") return [];
    const home = resource.service.namespace;
    if (resource.namespace === home || resource.namespace === ROOT_NAMESPACE) return [];
    const message = `names ${formatId(resource.service)}; in Heddle its DestinationRule belongs into namespace ${home} (or ${ROOT_NAMESPACE})`;
    return [{ field: `${formatRef(resource)}: spec.host`, message }];
  });
  return {
    faults: [
      ...misplaced,
      ...findRivals(virtualServices),
      ...virtualServices.flatMap((document) => findUnknownSubsets(document, subsets)),
    ],
    warnings,
  };
}

function findRivals(virtualServices: readonly VirtualService[]): Fault[] {
  const owners = new Map<string, VirtualService>();
  const faults: Fault[] = [];
  for (const document of virtualServices) {
    document.services.forEach((service, index) => {
      const owner = owners.get(formatId(service));
      if (!owner) return owners.set(formatId(service), document);
      const message = `${formatId(service)} is routed by ${formatRef(owner)} already; only one VirtualService may name a host`;
      return faults.push({ field: `${formatRef(document)}: spec.hosts[${index}]`, message });
    });
  }
  return faults;
}

function findUnknownSubsets(
  document: VirtualService,
  subsets: ReadonlyMap<string, ReadonlySet<string>>,
): Fault[] {
  return document.routes.flatMap((route, at) =>
    route.destinations.flatMap(({ service, subset }, index): Fault[] => {
      const known = subsets.get(formatId(service)) ?? new Set();
      if (subset === undefined || known.has(subset)) return [];
      const names = known.size === 0 ? "none" : [...known].sort().join(", ");
      const field = `${formatRef(document)}: spec.http[${at}].route[${index}].destination.subset`;
      const message = `is ${JSON.stringify(subset)}; subsets of ${formatId(service)} (from its DestinationRule): ${names}`;
      return [{ field, message }];
    }),
  );
}

function collectSubsets(documents: ReadonlyMap<string, MeshDocument>): Map<string, Set<string>> {
  const own = new Map<string, Set<string>>();
  const root = new Map<string, Set<string>>();
  for (const { resource } of documents.values()) {
    if (resource.kind !== "DestinationRule") continue;
    const level = resource.namespace === resource.service.namespace ? own : root;
    const key = formatId(resource.service);
    const names = level.get(key) ?? new Set();
    for (const { name } of resource.subsets) names.add(name);
    level.set(key, names);
  }
  return new Map([...root, ...own]); // as compiled: the root namespace speaks only where none does
}

function warnOf(
  { resource, createdAtMs }: MeshDocument,
  documents: ReadonlyMap<string, MeshDocument>,
  isService: (key: string) => boolean,
): string[] {
  if (resource.kind === "VirtualService") {
    const targets = resource.routes.flatMap((route) => route.destinations.map((to) => to.service));
    const unknown = [...resource.services, ...targets]
      .map(formatId)
      .filter((key) => !isService(key));
    return [...new Set(unknown)].map(
      (key) => `${formatRef(resource)}: no workload of service ${key} is in the mesh yet`,
    );
  }
  if (resource.kind !== "PeerAuthentication") return [];
  if (resource.selector && resource.namespace === ROOT_NAMESPACE) {
    return [
      `${formatRef(resource)}: ignored, a policy with a selector has no effect in ${ROOT_NAMESPACE}`,
    ];
  }
  const selector = JSON.stringify(resource.selector);
  const older = [...documents.values()].find(
    (other) =>
      other.resource.kind === "PeerAuthentication" &&
      other.resource !== resource &&
      other.resource.namespace === resource.namespace &&
      JSON.stringify(other.resource.selector) === selector &&
      other.createdAtMs <= createdAtMs,
  );
  return older
    ? [`${formatRef(resource)}: ignored, ${formatRef(older.resource)} is older and covers the same`]
    : [];
}
