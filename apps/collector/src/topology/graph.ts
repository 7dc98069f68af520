import type { GraphEdge, GraphNode, GraphSnapshot } from "@heddle/contracts";
import {
  type EdgeTraffic,
  entryEdges,
  goldenSignals,
  inServiceView,
  mtlsRatio,
  protocolOf,
  type TrafficNode,
  TrafficTally,
  tcpSignals,
  workloadNode,
} from "@heddle/mesh";
import { toFailureWire, toSignalsWire, toTcpWire } from "../api/signals-wire.ts";
import type { HealthBoard } from "./health-board.ts";
import type { Registry } from "./registry-watch.ts";

/** Told of an edge; its sums hold all. */
const MAX_FAILURE_KINDS = 20;

export type GraphView = "workload" | "service";

/** Traffic, registry and health over one window: all that a snapshot is made of. */
export type GraphParts = {
  readonly view: GraphView;
  readonly windowMs: number; // asked for
  readonly coveredMs: number; // what rates are counted over
  readonly asOfMs: number;
  readonly edges: readonly EdgeTraffic[]; // in this view
  readonly registry: Registry;
  readonly health: HealthBoard;
};

type NodeSum = {
  readonly node: TrafficNode;
  readonly received: TrafficTally;
  readonly sent: TrafficTally;
  isCalled: boolean;
  lastRequestMs: number;
};

/** The graph is traffic and registry together: who is registered and quiet is an idle node. */
export function buildGraph(parts: GraphParts): GraphSnapshot {
  const { edges, health, asOfMs, coveredMs } = parts;
  const sums = new Map<string, NodeSum>();
  for (const edge of edges) {
    const destination = sumOf(sums, edge.destination);
    destination.received.merge(edge.tally);
    destination.isCalled = true;
  }
  for (const edge of edges) {
    const source = sumOf(sums, edge.source);
    const destination = sumOf(sums, edge.destination);
    if (!source.isCalled) source.sent.merge(edge.tally); // the others show what they receive
    for (const sum of [source, destination]) {
      sum.lastRequestMs = Math.max(sum.lastRequestMs, edge.lastRequestMs);
    }
  }
  const instances = new Map<string, number>();
  for (const workload of parts.registry.workloads) {
    const node = registeredNode(workload, parts.view);
    sumOf(sums, node);
    instances.set(node.id, (instances.get(node.id) ?? 0) + workload.instances);
  }
  const totals = new TrafficTally();
  for (const edge of entryEdges(edges)) totals.merge(edge.tally);
  return {
    asOfMs,
    windowMs: parts.windowMs,
    view: parts.view,
    nodes: [...sums.values()].map((sum) => toNode(sum, instances.get(sum.node.id) ?? 0, parts)),
    edges: edges.map((edge) => toEdge(edge, health, asOfMs, coveredMs)),
    totals: toSignalsWire(goldenSignals(totals, coveredMs)),
  };
}

/** The node a registered workload stands for in a view. */
export function registeredNode(
  workload: Registry["workloads"][number],
  view: GraphView,
): TrafficNode {
  const node = workloadNode(workload);
  return view === "service" ? inServiceView(node) : node;
}

/** Nodes of the namespace, and whatever shares an edge with them. Totals stay those of the whole mesh. */
export function inNamespace(snapshot: GraphSnapshot, namespace: string): GraphSnapshot {
  const inside = new Set(
    snapshot.nodes.filter((node) => node.namespace === namespace).map((node) => node.id),
  );
  const edges = snapshot.edges.filter(
    (edge) => inside.has(edge.source) || inside.has(edge.destination),
  );
  const shown = new Set([...inside, ...edges.flatMap((edge) => [edge.source, edge.destination])]);
  return { ...snapshot, edges, nodes: snapshot.nodes.filter((node) => shown.has(node.id)) };
}

function sumOf(sums: Map<string, NodeSum>, node: TrafficNode): NodeSum {
  const known = sums.get(node.id);
  if (known) return known;
  const sum: NodeSum = {
    node,
    received: new TrafficTally(),
    sent: new TrafficTally(),
    isCalled: false,
    lastRequestMs: 0,
  };
  sums.set(node.id, sum);
  return sum;
}

function toNode(sum: NodeSum, instances: number, parts: GraphParts): GraphNode {
  const { node } = sum;
  const named =
    node.address === undefined ? undefined : parts.registry.namesByAddress.get(node.address);
  return {
    id: node.id,
    kind: node.kind,
    namespace: node.namespace,
    label: named ?? node.service ?? node.address ?? node.id,
    ...(node.service !== undefined && { service: node.service }),
    ...(node.workload !== undefined && { workload: node.workload }),
    ...(node.version !== undefined && { version: node.version }),
    ...(node.address !== undefined && { address: node.address }),
    registered: instances > 0,
    instances,
    health: parts.health.nodeHealth(node.id, parts.asOfMs),
    signals: toSignalsWire(goldenSignals(sum.isCalled ? sum.received : sum.sent, parts.coveredMs)),
    ...(sum.lastRequestMs > 0 && { lastRequestMs: sum.lastRequestMs }),
  };
}

function toEdge(
  edge: EdgeTraffic,
  health: HealthBoard,
  asOfMs: number,
  coveredMs: number,
): GraphEdge {
  const { tally, open } = edge;
  const share = mtlsRatio(tally, open);
  const tcp = tcpSignals(tally, coveredMs, open.count);
  const { retries, mirrored, faultsInjected } = tally;
  return {
    id: edge.id,
    source: edge.source.id,
    destination: edge.destination.id,
    protocol: protocolOf(tally, edge.open.count > 0 || tcp !== undefined),
    health: health.edgeHealth(edge.id, asOfMs),
    signals: toSignalsWire(goldenSignals(edge.tally, coveredMs)),
    ...(share !== undefined && { mtlsRatio: share }),
    ...(edge.sourcePrincipal !== undefined && { sourcePrincipal: edge.sourcePrincipal }),
    whoFailed: { ...tally.whoFailed },
    failures: tally.failures.top(MAX_FAILURE_KINDS).map(toFailureWire),
    ...(tcp !== undefined && { tcp: { ...toTcpWire(tcp), open: open.count } }),
    events: { retries, mirrored, faultsInjected },
    lastRequestMs: edge.lastRequestMs,
  };
}
