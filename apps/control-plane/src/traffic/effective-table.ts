import {
  type EffectiveResponse,
  type EffectiveRules,
  type PartOrigin,
  WORKLOAD_LABEL,
} from "@heddle/contracts";
import type { ServiceId, SourceSelector } from "@heddle/mesh";
import type { StoredInstance } from "@heddle/store";
import { workloadKeyOf } from "../registry/instance.ts";
import { takesIn } from "../snapshot/caller-class.ts";
import { toWireRules } from "../snapshot/compile-service.ts";
import type { MeshDocument } from "../snapshot/mesh-document.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import { hostOf } from "../snapshot/service-host.ts";
import { toSourceSelector } from "../snapshot/service-rules.ts";

/** Routes and policies of a service as they hold for each set of callers, each with its document. */
export function effectiveTable(
  service: ServiceId,
  mesh: MeshView,
  instances: Iterable<StoredInstance>,
): EffectiveResponse {
  const { ruleSets } = mesh.snapshot.service(service);
  const sources = ruleSets.map(({ caller }) => toSourceSelector(caller));
  const callers = groupCallers(sources, instances);
  const {
    isExternal = false,
    resolution = "registry",
    ports = [],
    revision,
  } = mesh.service(service);
  return {
    namespace: service.namespace,
    service: service.name,
    host: hostOf(service),
    revision,
    isExternal,
    resolution,
    ports,
    rules: ruleSets.map(({ rules }, index): EffectiveRules => {
      const source = sources[index] ?? {};
      const wire = toWireRules(rules);
      return {
        ...(Object.keys(source).length === 0 ? {} : { source: toMutable(source) }),
        callers: callers[index] ?? [],
        routes: rules.routes.map(({ origin, changedBy }, at) => ({
          route: wire.routes[at] ?? { name: "", matches: [], destinations: [] },
          ...toOrigin(origin),
          ...(changedBy.length === 0 ? {} : { changedBy: changedBy.map(originOf) }),
        })),
        tcpRoutes: withOrigins(wire.tcpRoutes ?? [], rules.tcpRoutes),
        tlsRoutes: withOrigins(wire.tlsRoutes ?? [], rules.tlsRoutes),
        subsets: rules.subsets.map(({ origin }, at) => ({
          subset: wire.subsets[at] ?? { name: "", labels: {} },
          ...toOrigin(origin),
        })),
        policies: rules.blocks.map(({ place, value, origin }) => ({
          block: place.block,
          ...(place.subset === undefined ? {} : { subset: place.subset }),
          ...(place.port === undefined ? {} : { port: Number(place.port) }),
          value,
          ...toOrigin(origin),
        })),
      };
    }),
  };
}

function withOrigins<Wire>(
  routes: readonly Wire[],
  origins: readonly { readonly origin: MeshDocument | undefined }[],
) {
  return routes.map((route, at) => ({ route, ...toOrigin(origins[at]?.origin) }));
}

/** Of each set of callers the registered workloads that are in no set before it. */
function groupCallers(
  sources: readonly SourceSelector[],
  instances: Iterable<StoredInstance>,
): string[][] {
  const groups = sources.map(() => new Set<string>());
  for (const instance of instances) {
    const labels = { ...instance.labels, [WORKLOAD_LABEL]: instance.workload };
    const caller = { namespace: instance.namespace, labels };
    const index = sources.findIndex((source) => takesIn(source, caller));
    groups[index]?.add(workloadKeyOf(instance));
  }
  return groups.map((group) => [...group].sort());
}

function toMutable({ namespaces, labels }: SourceSelector) {
  return {
    ...(namespaces === undefined ? {} : { namespaces: [...namespaces] }),
    ...(labels === undefined ? {} : { labels: { ...labels } }),
  };
}

function toOrigin(document: MeshDocument | undefined): { origin?: PartOrigin } {
  return document ? { origin: originOf(document) } : {};
}

function originOf({ resource, revision }: MeshDocument): PartOrigin {
  return { kind: resource.kind, namespace: resource.namespace, name: resource.name, revision };
}
