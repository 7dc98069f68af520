import type { ServiceRules, SimulatedConnections } from "@heddle/contracts";
import {
  type Caller,
  compileTcpRoutes,
  coupleShares,
  findTcpRoute,
  type Route,
  type ServiceId,
  type TcpRoute,
} from "@heddle/mesh";
import type { ObservedNode } from "@heddle/store";
import { DestinationGroups, destinationKey } from "./destination-groups.ts";
import { type CountedEdge, keyOfNode } from "./observed-traffic.ts";
import { describeKey, round } from "./outcome-words.ts";
import { type PreviewScene, toService } from "./preview-scene.ts";
import type { RulePair } from "./rule-pairs.ts";
import type { SimulationContext } from "./simulate-traffic.ts";
import { callerOf, pairOfCaller, serviceOfNode } from "./touched-traffic.ts";

const MAX_SHOWN = 100;
const NO_FACTS = { sni: undefined, destinationAddress: undefined, port: undefined };

type End = Pick<SimulatedConnections, "kind" | "text"> & { readonly share: number };
const SAME: End = { kind: "same", text: "would go as they did", share: 1 };

/**
 * Opaque connections, of which the collector knows how many each caller opened to each workload, under other routes and
 * policies. What depends on their port, address or server name is not known.
 */
export function simulateConnections(
  inward: readonly CountedEdge[],
  seconds: number,
  scene: PreviewScene,
  context: Pick<SimulationContext, "access" | "servingOf" | "subsetLabels">,
): SimulatedConnections[] {
  const all = inward.flatMap((edge): SimulatedConnections[] => {
    const key = serviceOfNode(edge.destination, scene);
    if (edge.connections === 0 || key === undefined) return [];
    const service = toService(key);
    const ends = new ConnectionEnds(edge, service, scene, context).ends();
    return ends.map(({ kind, text, share }) => ({
      ...{ source: nameOf(edge.source), service: key, kind, text },
      perSecond: round((edge.connections / seconds) * share, 100),
    }));
  });
  return all.sort((a, b) => b.perSecond - a.perSecond).slice(0, MAX_SHOWN);
}

class ConnectionEnds {
  readonly #edge: CountedEdge;
  readonly #service: ServiceId;
  readonly #caller: Caller;
  readonly #pair: RulePair | undefined;
  readonly #context: Parameters<typeof simulateConnections>[3];

  constructor(
    edge: CountedEdge,
    service: ServiceId,
    scene: PreviewScene,
    context: Parameters<typeof simulateConnections>[3],
  ) {
    this.#edge = edge;
    this.#service = service;
    this.#caller = callerOf(edge.source, scene);
    this.#pair = pairOfCaller(edge.source, service, scene);
    this.#context = context;
  }

  ends(): End[] {
    const came = keyOfNode(this.#edge.destination);
    if (came === undefined) return [];
    const pair = this.#pair;
    if (pair === undefined || !hasOtherRoutes(pair)) return [this.#arrive(came, SAME)];
    const before = this.#routeOf(pair.before);
    const after = this.#routeOf(pair.after);
    if (before === "unknown" || after === "unknown") {
      const text = "cannot tell: depends on their port, address or server name";
      return [{ kind: "unknown", text, share: 1 }];
    }
    if (after === undefined) {
      return [{ kind: "not-found", text: "would match no route and be closed", share: 1 }];
    }
    return this.#move(pair, before, after, came);
  }

  /** `undefined`: none takes it. */
  #routeOf({ tcpRoutes, tlsRoutes }: ServiceRules): TcpRoute | "unknown" | undefined {
    if (tlsRoutes && tlsRoutes.length > 0) return "unknown";
    if (tcpRoutes === undefined || tcpRoutes.length === 0) {
      return { name: "", matches: [], destinations: [{ service: this.#service, weight: 1 }] };
    }
    if (tcpRoutes.some(({ matches }) => matches.some(asksMore))) return "unknown";
    return findTcpRoute(compileTcpRoutes(tcpRoutes, this.#caller), NO_FACTS)?.route;
  }

  #move(pair: RulePair, before: TcpRoute | undefined, after: TcpRoute, came: string): End[] {
    const { servingOf, subsetLabels } = this.#context;
    const [was, is] = [before ? [toRoute(before)] : [], [toRoute(after)]];
    const groups = new DestinationGroups(
      { ...pair, before: { ...pair.before, routes: was }, after: { ...pair.after, routes: is } },
      servingOf,
      subsetLabels,
    );
    const oldShares = sharesOf(groups.expand(was, "requests"));
    const newShares = sharesOf(groups.expand(is, "endpoints"));
    const isAt = (key: string) => groups.workloadsOf(key).some(({ workload }) => workload === came);
    const from = [...oldShares.keys()].find(isAt);
    const shares = from === undefined ? newShares : coupleShares(from, oldShares, newShares);
    return [...shares].map(([to, share]): End => {
      if (to === from) return this.#arrive(came, { ...SAME, share });
      const workload = groups.workloadsOf(to).find(({ endpoints }) => endpoints > 0)?.workload;
      const target = describeKey(to, this.#service);
      if (workload === undefined) {
        return { kind: "no-endpoints", text: `would find nobody who serves ${target}`, share };
      }
      const start = from === undefined ? "" : `from ${describeKey(from, this.#service)} `;
      return this.#arrive(workload, {
        kind: "moved",
        text: `would go ${start}to ${target}`,
        share,
      });
    });
  }

  #arrive(workload: string, end: End): End {
    const { source, destination } = this.#edge;
    const asker = { source: keyOfNode(source) ?? "unknown", address: source.address };
    const came = keyOfNode(destination) ?? "";
    const said = this.#context.access.judgeConnection(workload, came, asker);
    if (said === "same") return end;
    const { share } = end;
    if (said === "denied") return { kind: said, text: `would be denied by ${workload}`, share };
    if (said === "recovered") return { kind: said, text: "would be let in", share };
    return { kind: "unknown", text: `cannot tell: depends on ${said.asks}`, share };
  }
}

function hasOtherRoutes({ before, after }: RulePair): boolean {
  const textOf = ({ tcpRoutes = [], tlsRoutes = [] }: ServiceRules) =>
    JSON.stringify([tcpRoutes, tlsRoutes]);
  return textOf(before) !== textOf(after);
}

function asksMore({ port, destinationSubnets, sniHosts }: TcpRoute["matches"][number]): boolean {
  return port !== undefined || destinationSubnets !== undefined || sniHosts !== undefined;
}

function toRoute({ destinations }: TcpRoute): Route {
  return { name: "connections", matches: [], destinations };
}

function sharesOf(routes: readonly Route[]): Map<string, number> {
  const shares = new Map<string, number>();
  for (const { destinations } of routes) {
    const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
    for (const to of destinations) {
      const key = destinationKey(to);
      const share = destinations.length === 1 ? 1 : to.weight / total;
      shares.set(key, (shares.get(key) ?? 0) + share);
    }
  }
  return shares;
}

function nameOf(node: ObservedNode): string {
  return keyOfNode(node) ?? node.address ?? node.id;
}
