import type { CanarySide } from "@heddle/contracts";
import { formatId, parseId, type RouteDestination, type ServiceId } from "@heddle/mesh";
import type { StoredInstance } from "@heddle/store";
import { workloadKeyOf } from "../registry/instance.ts";
import {
  type ConfigSnapshot,
  findVirtualService,
  type MeshDocument,
  serviceResource,
} from "../snapshot/config-snapshot.ts";

/**
 * A service whose plain route (the first without match) splits between exactly two of the service's own
 * subsets: the one listed first is stable, the second is judged. With three or more it is a split, not
 * a canary. A canary at weight 0 is still one: it has been rolled back.
 */
export type FoundCanary = {
  readonly service: ServiceId;
  readonly document: MeshDocument;
  /** Index in `spec.http`. */
  readonly routeIndex: number;
  readonly route: string;
  readonly stable: CanaryDestination;
  readonly canary: CanaryDestination;
};

type CanaryDestination = Pick<RouteDestination, "weight"> & { readonly subset: string };

export function findCanary(snapshot: ConfigSnapshot, serviceKey: string): FoundCanary | undefined {
  const service = parseId(serviceKey);
  const document = service && findVirtualService(snapshot, service);
  return document && findCanaryIn(document, service);
}

/** The same for one VirtualService, as it stands or once stood. */
export function findCanaryIn(document: MeshDocument, service: ServiceId): FoundCanary | undefined {
  if (document.resource.kind !== "VirtualService") return undefined;
  const route = document.resource.routes.find(({ matches }) => matches.length === 0);
  if (!route || route.destinations.length !== 2) return undefined;
  const [stable, canary] = route.destinations.flatMap(({ service: to, host, subset, weight }) => {
    const isOwn = formatId(to) === formatId(service) || host === service.name;
    return isOwn && subset !== undefined ? [{ subset, weight }] : [];
  });
  if (!stable || !canary || stable.subset === canary.subset) return undefined;
  return { service, document, routeIndex: route.index, route: route.name, stable, canary };
}

/** The canary's share in whole percent. */
export function canaryPercent({ stable, canary }: FoundCanary): number {
  return (canary.weight / (stable.weight + canary.weight)) * 100;
}

/** One side as the console shows it: its weight and the workloads its subset selects. */
export function describeSide(
  snapshot: ConfigSnapshot,
  found: FoundCanary,
  side: "stable" | "canary",
  instances: readonly StoredInstance[],
): CanarySide {
  const { subset, weight } = found[side];
  const { subsets } = serviceResource(snapshot, found.service);
  const labels = subsets.find(({ name }) => name === subset)?.labels ?? {};
  const selected = instances.filter((instance) =>
    Object.entries(labels).every(([key, value]) => instance.labels[key] === value),
  );
  const version = labels["version"];
  return {
    subset,
    ...(version === undefined ? {} : { version }),
    weight,
    share: weight / (found.stable.weight + found.canary.weight),
    workloads: [...new Set(selected.map(workloadKeyOf))].sort(),
  };
}
