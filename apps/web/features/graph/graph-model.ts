import type {
  Canary,
  GraphEdge,
  GraphNode,
  GraphSnapshot,
  TcpSignalsWire,
} from "@heddle/contracts";
import { compareStatus, type Status, worstStatus } from "../../ui/status.ts";
import type { DeniedOnEdge } from "./denied-edges.ts";
import { isActiveTcp, mtlsOfEdges, tcpByNode } from "./tcp-signals.ts";
import { type Badge, badgesOf, type ServiceTraffic } from "./traffic-features.ts";

/** How the same traffic is drawn: services with a row per version, services, or single workloads. */
export type GraphView = "versions" | "services" | "workloads";

/** One line of a card: a version of a service; threads dock here. */
export type CardRow = {
  readonly id: string; // node id
  readonly label: string; // "v2", "no sidecar", "external"
  readonly node: GraphNode;
  readonly status: Status;
  readonly isCanary: boolean;
  /** Its opaque connections; absent: none in the window. */
  readonly tcp: TcpSignalsWire | undefined;
};

export type Card = {
  readonly id: string; // node id, or service/<namespace>/<service> for a card with version rows
  readonly title: string;
  readonly namespace: string;
  readonly kind: GraphNode["kind"];
  /** The worst of its rows. */
  readonly status: Status;
  readonly rows: readonly CardRow[];
  readonly canary: Canary | undefined;
  /** Of what the rows receive, each counted where it arrives; 0–1, absent: nobody reported. */
  readonly mtlsRatio: number | undefined;
  /** Rules that shape its traffic. */
  readonly badges: readonly Badge[];
  /** Requests to it that a policy answered 403 in the window. */
  readonly denied: number;
};

export type Thread = {
  readonly id: string;
  readonly edge: GraphEdge;
  readonly status: Status;
  readonly sourceCard: string;
  readonly destinationCard: string;
  /** What policies said no to on it; absent: nothing. */
  readonly denied?: DeniedOnEdge | undefined;
};

export type GraphModel = {
  readonly cards: readonly Card[];
  readonly threads: readonly Thread[];
};

/** What a view asks the collector for. */
export function snapshotViewOf(view: GraphView): GraphSnapshot["view"] {
  return view === "services" ? "service" : "workload";
}

/** Folds a snapshot into cards and threads, in an order that does not depend on the snapshot's. */
export function graphModel(
  snapshot: GraphSnapshot,
  view: GraphView,
  canaries: readonly Canary[],
  namespace?: string,
  trafficOf: (node: GraphNode) => ServiceTraffic = () => NO_TRAFFIC,
  denied: ReadonlyMap<string, DeniedOnEdge> = NOTHING_DENIED,
): GraphModel {
  const nodes = snapshot.nodes.filter(
    (node) => namespace === undefined || node.namespace === namespace,
  );
  const received = Map.groupBy(snapshot.edges, ({ destination }) => destination);
  const tcp = tcpByNode(snapshot.edges);
  const cardOf = new Map(nodes.map((node) => [node.id, cardIdOf(node, view)]));
  const grouped = Map.groupBy(nodes, (node) => cardIdOf(node, view));
  const cards = [...grouped]
    .map(([id, members]) =>
      toCard(id, members, { view, canaries, received, tcp, trafficOf, denied }),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const threads = snapshot.edges.flatMap((edge): Thread[] => {
    const sourceCard = cardOf.get(edge.source);
    const destinationCard = cardOf.get(edge.destination);
    if (sourceCard === undefined || destinationCard === undefined) return [];
    const status = edgeStatus(edge);
    return [
      { id: edge.id, edge, status, sourceCard, destinationCard, denied: denied.get(edge.id) },
    ];
  });
  return { cards, threads: threads.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

const NO_TRAFFIC: ServiceTraffic = { features: [], openBreakers: [] };
const NOTHING_DENIED: ReadonlyMap<string, DeniedOnEdge> = new Map();

/** Opaque connections that are well, or only quiet, are TCP: no verdict on requests they do not have. */
export function edgeStatus({ protocol, health, tcp }: GraphEdge): Status {
  return protocol === "tcp" ? tcpStatus(health.state, tcp) : health.state;
}

function tcpStatus(state: Status, tcp: TcpSignalsWire | undefined): Status {
  const isQuiet = state === "idle" || state === "healthy";
  return isQuiet && tcp !== undefined && isActiveTcp(tcp) ? "tcp" : state;
}

/** As of an edge, for a node that has only opaque connections. */
export function nodeStatus(
  { health, signals }: GraphNode,
  tcp: TcpSignalsWire | undefined,
): Status {
  return signals.requests === 0 ? tcpStatus(health.state, tcp) : health.state;
}

function cardIdOf(node: GraphNode, view: GraphView): string {
  if (view !== "versions" || node.kind !== "workload" || node.service === undefined) return node.id;
  return serviceId(node.namespace, node.service);
}

export function serviceId(namespace: string, service: string): string {
  return `service/${namespace}/${service}`;
}

function toCard(
  id: string,
  members: readonly GraphNode[],
  parts: {
    readonly view: GraphView;
    readonly canaries: readonly Canary[];
    readonly received: ReadonlyMap<string, readonly GraphEdge[]>;
    readonly tcp: ReadonlyMap<string, TcpSignalsWire>;
    readonly trafficOf: (node: GraphNode) => ServiceTraffic;
    readonly denied: ReadonlyMap<string, DeniedOnEdge>;
  },
): Card {
  const { view, canaries, received, tcp } = parts;
  const [first] = members;
  if (first === undefined) throw new Error(`card ${id} has no node`);
  const canary = canaries.find(
    (one) => one.namespace === first.namespace && one.service === first.service,
  );
  const rows = members
    .map((node) => toRow(node, view, canary, tcp.get(node.id)))
    .sort(
      (a, b) => a.label.localeCompare(b.label, "en", { numeric: true }) || (a.id < b.id ? -1 : 1),
    );
  return {
    id,
    title: view === "workloads" && first.workload !== undefined ? first.workload : first.label,
    namespace: first.namespace,
    kind: first.kind,
    status: worstStatus(rows.map((row) => row.status)),
    rows,
    canary: first.kind === "workload" || first.kind === "service" ? canary : undefined,
    mtlsRatio: mtlsOfEdges(rows.flatMap((row) => received.get(row.id) ?? [])),
    denied: rows
      .flatMap((row) => received.get(row.id) ?? [])
      .reduce((sum, edge) => sum + (parts.denied.get(edge.id)?.denied ?? 0), 0),
    // A canary has its own two signs for the split.
    badges: badgesOf(parts.trafficOf(first)).filter(
      ({ kind }) => kind !== "split" || canary === undefined,
    ),
  };
}

function toRow(
  node: GraphNode,
  view: GraphView,
  canary: Canary | undefined,
  tcp: TcpSignalsWire | undefined,
): CardRow {
  const name = `${node.namespace}/${node.workload}`;
  return {
    id: node.id,
    label: rowLabel(node, view),
    node,
    status: nodeStatus(node, tcp),
    tcp,
    isCanary: node.workload !== undefined && canary?.canary.workloads.includes(name) === true,
  };
}

function rowLabel(node: GraphNode, view: GraphView): string {
  switch (node.kind) {
    case "workload":
      return node.version ?? `${node.instances} up`;
    case "outside":
      return "no sidecar";
    case "external":
      return "external";
    default:
      return view === "services" ? `${node.instances} up` : "not sent"; // requests that ended before any version was reached
  }
}

/** How a node is called in a sentence: "payments v2", "10.0.4.17", "card-api". */
export function nodeName(node: GraphNode | undefined): string {
  if (node === undefined) return "unknown";
  return node.version === undefined ? node.label : `${node.label} ${node.version}`;
}

/** The same call to the other version of the destination that gets most traffic: what to compare with. */
export function siblingEdge(edge: GraphEdge, snapshot: GraphSnapshot): GraphEdge | undefined {
  const nodes = new Map(snapshot.nodes.map((node) => [node.id, node]));
  const destination = nodes.get(edge.destination);
  if (destination?.version === undefined) return undefined;
  return snapshot.edges
    .filter((other) => {
      const node = nodes.get(other.destination);
      return (
        other.id !== edge.id &&
        other.source === edge.source &&
        node?.service === destination.service &&
        node?.namespace === destination.namespace &&
        node?.version !== undefined
      );
    })
    .reduce<GraphEdge | undefined>(
      (most, one) =>
        most === undefined || one.signals.requests > most.signals.requests ? one : most,
      undefined,
    );
}

/** Worst first, then busiest first. */
export function compareThreads(a: Thread, b: Thread): number {
  return (
    compareStatus(a.status, b.status) ||
    b.edge.signals.requestsPerSecond - a.edge.signals.requestsPerSecond
  );
}
