import { adjacency, type CanonicalGraph } from "./canonical-graph.ts";
import type { LayoutEdge } from "./graph-shapes.ts";

/** The graph without cycles: of each cycle a depth-first search meets, the weakest edge is left out. */
export function cutCycles(graph: CanonicalGraph): CanonicalGraph {
  let acyclic = graph;
  for (;;) {
    const cycle = findCycle(acyclic);
    if (cycle === undefined) return acyclic;
    const weakest = cycle.reduce((least, edge) => (edge.weight < least.weight ? edge : least));
    acyclic = adjacency(
      graph.nodes,
      acyclic.edges.filter((edge) => edge !== weakest),
    );
  }
}

/** The edges of some cycle, closing edge first; `undefined`: there is none. Iterative, as chains can be long. */
function findCycle(graph: CanonicalGraph): readonly LayoutEdge[] | undefined {
  const done = new Set<string>();
  for (const root of rootsFirst(graph)) {
    if (done.has(root)) continue;
    const onPath = new Set([root]);
    const path: { node: string; next: number; by: LayoutEdge | undefined }[] = [
      { node: root, next: 0, by: undefined },
    ];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const edge = graph.successors.get(top.node)?.[top.next++];
      if (edge === undefined) {
        path.pop();
        onPath.delete(top.node);
        done.add(top.node);
      } else if (onPath.has(edge.destination)) {
        const start = path.findIndex((step) => step.node === edge.destination);
        return [edge, ...path.slice(start + 1).flatMap((step) => step.by ?? [])];
      } else if (!done.has(edge.destination)) {
        onPath.add(edge.destination);
        path.push({ node: edge.destination, next: 0, by: edge });
      }
    }
  }
  return undefined;
}

/** Nodes nobody calls come first: from there a reader starts, so from there "back" is told. */
function rootsFirst(graph: CanonicalGraph): readonly string[] {
  const ids = graph.nodes.map((node) => node.id);
  const isRoot = (id: string) => (graph.predecessors.get(id) ?? []).length === 0;
  return [...ids.filter(isRoot), ...ids.filter((id) => !isRoot(id))];
}
