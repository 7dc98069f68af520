import type { BlastRadius } from "@heddle/contracts";
import type { ObservedNode } from "@heddle/store";
import type { Registry } from "../registry/registry.ts";
import type { Foreseen } from "../snapshot/mesh-view.ts";
import type { StreamHub } from "../stream/hub.ts";
import type { CountedEdge } from "./observed-traffic.ts";
import { round } from "./outcome-words.ts";

const MAX_CALLERS = 100;
const MAX_PROXIES = 1000;
const MAX_DOWNSTREAM = 20;

/** The traffic a change touches; `undefined`: it could not be read. */
export type TouchedTraffic = {
  readonly inward: readonly CountedEdge[];
  readonly onward: readonly CountedEdge[];
  /** The service a node stands for, `namespace/name`. */
  readonly serviceOf: (node: ObservedNode) => string | undefined;
};

type Proxies = Pick<BlastRadius, "proxies" | "proxyCount" | "proxiesConnected">;
/** What is known of it without the proxies' streams. */
export type TouchedMesh = Omit<BlastRadius, keyof Proxies>;

/** Who calls what is touched, and who is called further down. */
export function blastRadius(touched: Foreseen, traffic: TouchedTraffic | undefined): TouchedMesh {
  const callers = traffic ? callersOf(traffic) : [];
  return {
    ...(traffic ? { perSecond: round(sumOf(traffic.inward), 100) } : {}),
    callers: callers.slice(0, MAX_CALLERS),
    callerCount: callers.length,
    services: [...new Set([...touched.services, ...touched.endpoints])].sort(),
    workloads: touched.workloads.map(({ after }) => after.key.slice("workload/".length)).sort(),
    downstream: traffic ? downstreamOf(traffic) : [],
  };
}

/** The connected proxies that would be told something. */
export function touchedProxies(
  keys: Iterable<string>,
  { hub, registry }: { readonly hub: StreamHub; readonly registry: Registry },
): Proxies {
  const proxies = [...hub.concernedBy(keys)].map(({ proxyId }) => ({
    proxyId,
    name: registry.findProxy(proxyId)?.name ?? proxyId,
  }));
  proxies.sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    proxies: proxies.slice(0, MAX_PROXIES),
    proxyCount: proxies.length,
    proxiesConnected: hub.size,
  };
}

function callersOf({ inward, serviceOf }: TouchedTraffic): BlastRadius["callers"] {
  const groups = Map.groupBy(inward, ({ source }) => source.id);
  return [...groups.values()]
    .flatMap((edges) => {
      const [first] = edges;
      if (!first) return [];
      const services = edges.flatMap(({ destination }) => serviceOf(destination) ?? []);
      return [
        {
          name: nameOf(first.source),
          label: labelOf(first.source),
          perSecond: round(sumOf(edges), 100),
          services: [...new Set(services)].sort(),
        },
      ];
    })
    .sort((a, b) => b.perSecond - a.perSecond);
}

function downstreamOf({ onward }: TouchedTraffic): BlastRadius["downstream"] {
  const groups = Map.groupBy(onward, ({ destination }) => destination.id);
  return [...groups.values()]
    .flatMap((edges) => {
      const [first] = edges;
      if (!first) return [];
      const by = edges.map(({ source }) => versionOf(source) ?? nameOf(source));
      const { destination } = first;
      return [
        {
          name: nameOf(destination),
          label: labelOf(destination),
          perSecond: round(sumOf(edges), 100),
          by: [...new Set(by)].sort(),
        },
      ];
    })
    .sort((a, b) => b.perSecond - a.perSecond)
    .slice(0, MAX_DOWNSTREAM);
}

function sumOf(edges: readonly CountedEdge[]): number {
  return edges.reduce((sum, { perSecond }) => sum + perSecond, 0);
}

function nameOf({ id, namespace, workload }: ObservedNode): string {
  if (workload !== null) return `${namespace}/${workload}`;
  return id.slice(id.indexOf("/") + 1);
}

/** `storefront v31`. */
function labelOf(node: ObservedNode): string {
  const { service, workload } = node;
  const version = versionOf(node);
  const name = service ?? workload ?? nameOf(node);
  return version === undefined || service === null ? name : `${name} ${version}`;
}

function versionOf({ version }: ObservedNode): string | undefined {
  return version === null || version === "latest" || version === "unknown" ? undefined : version;
}
