import type { CanonicalGraph } from "./canonical-graph.ts";

/**
 * The column of each node of a graph without cycles, from 0: one more than its furthest caller's. A
 * node nobody calls stands right before the first it calls, not at the far left.
 */
export function longestPathRanks(graph: CanonicalGraph): ReadonlyMap<string, number> {
  const ranks = new Map<string, number>();
  for (const id of topologicalOrder(graph)) {
    const callers = graph.predecessors.get(id) ?? [];
    ranks.set(id, Math.max(-1, ...callers.map((edge) => ranks.get(edge.source) ?? -1)) + 1);
  }
  for (const { id } of graph.nodes) {
    const called = graph.successors.get(id) ?? [];
    if (called.length === 0 || (graph.predecessors.get(id) ?? []).length > 0) continue;
    ranks.set(id, Math.min(...called.map((edge) => ranks.get(edge.destination) ?? 1)) - 1);
  }
  return ranks;
}

function topologicalOrder(graph: CanonicalGraph): readonly string[] {
  const waitingFor = new Map(
    graph.nodes.map((node) => [node.id, (graph.predecessors.get(node.id) ?? []).length]),
  );
  const order = graph.nodes.flatMap((node) => (waitingFor.get(node.id) === 0 ? [node.id] : []));
  for (let at = 0; at < order.length; at++) {
    for (const edge of graph.successors.get(order[at] ?? "") ?? []) {
      const left = (waitingFor.get(edge.destination) ?? 0) - 1;
      waitingFor.set(edge.destination, left);
      if (left === 0) order.push(edge.destination);
    }
  }
  return order;
}
