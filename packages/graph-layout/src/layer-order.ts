import type { CanonicalGraph } from "./canonical-graph.ts";
import { countCrossings, type Layers } from "./crossings.ts";

const SWEEPS = 24;
/** Above this many edges swapping neighbours costs more than a reader gains from it. */
const MOST_EDGES_TO_SWAP = 240;

/** Up to this many edges further starts cost a few milliseconds, and find the order the sweeps miss. */
const MOST_EDGES_TO_SHUFFLE = 60;
const SHUFFLES = 16;

/**
 * Orders each column so that few threads cross: barycentre sweeps from several starts, each followed by
 * swaps within columns; the best wins, the earlier one if equal.
 */
export function orderLayers(graph: CanonicalGraph, ranks: ReadonlyMap<string, number>): Layers {
  const byId = layersOf(graph, ranks);
  const starts = [walkOrder(graph, byId), byId, byId.map((layer) => layer.toReversed())];
  if (graph.edges.length <= MOST_EDGES_TO_SHUFFLE) starts.push(...shuffledStarts(byId));
  let best: Layers = byId;
  let fewest = Number.POSITIVE_INFINITY;
  for (const start of starts) {
    const ordered = swapWithinColumns(graph, sweep(graph, start));
    const crossings = countCrossings(ordered, graph.edges);
    if (crossings < fewest) {
      fewest = crossings;
      best = ordered;
    }
    if (fewest === 0) break;
  }
  return best;
}

/** Fixed pseudo-random orders (a linear congruence): the same graph must give the same picture. */
function shuffledStarts(layers: Layers): readonly Layers[] {
  let state = 1;
  const draw = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state;
  };
  return Array.from({ length: SHUFFLES }, () =>
    layers.map((layer) =>
      layer
        .map((id) => ({ id, key: draw() }))
        .sort((a, b) => a.key - b.key)
        .map(({ id }) => id),
    ),
  );
}

function layersOf(graph: CanonicalGraph, ranks: ReadonlyMap<string, number>): Layers {
  const count = Math.max(-1, ...ranks.values()) + 1;
  const layers: string[][] = Array.from({ length: count }, () => []);
  for (const { id } of graph.nodes) layers[ranks.get(id) ?? 0]?.push(id);
  return layers;
}

/** Columns in the order a walk along the calls meets their nodes: subtrees start out together. */
function walkOrder(graph: CanonicalGraph, layers: Layers): Layers {
  const seen = new Set<string>();
  const stack = layers.flat().toReversed();
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    stack.push(...(graph.successors.get(id) ?? []).map((edge) => edge.destination).toReversed());
  }
  const metAt = new Map([...seen].map((id, index) => [id, index]));
  return layers.map((layer) => layer.toSorted((a, b) => (metAt.get(a) ?? 0) - (metAt.get(b) ?? 0)));
}

/** The best of the orders that sweeping right and left passes through. */
function sweep(graph: CanonicalGraph, start: Layers): Layers {
  const layers = start.map((layer) => [...layer]);
  const y = new Map<string, number>();
  layers.forEach((layer) => {
    settle(layer, y);
  });
  let best: Layers = start;
  let fewest = countCrossings(start, graph.edges);
  for (let pass = 0; pass < SWEEPS && fewest > 0; pass++) {
    const rightwards = pass % 2 === 0;
    for (const layer of rightwards ? layers : layers.toReversed()) {
      const near = (id: string) => (rightwards ? callersOf(graph, id) : calledBy(graph, id));
      const wanted = new Map(layer.map((id) => [id, meanOf(near(id), y) ?? y.get(id) ?? 0]));
      layer.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
      settle(layer, y);
    }
    const crossings = countCrossings(layers, graph.edges);
    if (crossings < fewest) {
      fewest = crossings;
      best = layers.map((layer) => [...layer]);
    }
  }
  return best;
}

function settle(layer: readonly string[], y: Map<string, number>): void {
  layer.forEach((id, index) => {
    y.set(id, index - (layer.length - 1) / 2);
  });
}

function callersOf(graph: CanonicalGraph, id: string): readonly string[] {
  return (graph.predecessors.get(id) ?? []).map((edge) => edge.source);
}

function calledBy(graph: CanonicalGraph, id: string): readonly string[] {
  return (graph.successors.get(id) ?? []).map((edge) => edge.destination);
}

function meanOf(ids: readonly string[], y: ReadonlyMap<string, number>): number | undefined {
  if (ids.length === 0) return undefined;
  return ids.reduce((sum, id) => sum + (y.get(id) ?? 0), 0) / ids.length;
}

/** Swaps pairs within a column as long as that takes crossings away; sweeps alone stop short of it. */
function swapWithinColumns(graph: CanonicalGraph, start: Layers): Layers {
  if (graph.edges.length > MOST_EDGES_TO_SWAP) return start;
  const layers = start.map((layer) => [...layer]);
  let fewest = countCrossings(layers, graph.edges);
  for (let improved = true; improved && fewest > 0; ) {
    improved = false;
    for (const layer of layers) {
      for (let a = 0; a < layer.length; a++) {
        for (let b = a + 1; b < layer.length; b++) {
          swap(layer, a, b);
          const crossings = countCrossings(layers, graph.edges);
          if (crossings < fewest) {
            fewest = crossings;
            improved = true;
          } else {
            swap(layer, a, b);
          }
        }
      }
    }
  }
  return layers;
}

function swap(layer: string[], a: number, b: number): void {
  const [first, second] = [layer[a], layer[b]];
  if (first === undefined || second === undefined) return;
  layer[a] = second;
  layer[b] = first;
}
