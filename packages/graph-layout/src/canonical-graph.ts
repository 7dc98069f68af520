import type { LayoutEdge, LayoutGraph, LayoutNode } from "./graph-shapes.ts";

/** A graph whose order of nodes and edges no longer depends on the order they were given in. */
export type CanonicalGraph = {
  readonly nodes: readonly LayoutNode[];
  readonly edges: readonly LayoutEdge[];
  readonly successors: ReadonlyMap<string, readonly LayoutEdge[]>;
  readonly predecessors: ReadonlyMap<string, readonly LayoutEdge[]>;
};

/** Sorts by id, folds parallel edges into one with the sum of their weights, drops loops and loose ends. */
export function canonicalGraph(graph: LayoutGraph): CanonicalGraph {
  const nodes = [...new Map(graph.nodes.map((node) => [node.id, node])).values()].sort((a, b) =>
    compareText(a.id, b.id),
  );
  const known = new Set(nodes.map((node) => node.id));
  const folded = new Map<string, LayoutEdge>();
  for (const edge of graph.edges) {
    if (edge.source === edge.destination) continue;
    if (!known.has(edge.source) || !known.has(edge.destination)) continue;
    const key = JSON.stringify([edge.source, edge.destination]);
    const weight = (folded.get(key)?.weight ?? 0) + finiteWeight(edge.weight);
    folded.set(key, { source: edge.source, destination: edge.destination, weight });
  }
  return adjacency(nodes, [...folded.entries()].sort(([a], [b]) => compareText(a, b)).map(second));
}

/** The same nodes with other edges. */
export function adjacency(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
): CanonicalGraph {
  const successors = new Map<string, LayoutEdge[]>(nodes.map((node) => [node.id, []]));
  const predecessors = new Map<string, LayoutEdge[]>(nodes.map((node) => [node.id, []]));
  for (const edge of edges) {
    successors.get(edge.source)?.push(edge);
    predecessors.get(edge.destination)?.push(edge);
  }
  return { nodes, edges, successors, predecessors };
}

/** By code units: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function second<T>([, value]: readonly [unknown, T]): T {
  return value;
}

function finiteWeight(weight: number): number {
  return Number.isFinite(weight) && weight > 0 ? weight : 0;
}
