import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { adjacency, canonicalGraph } from "./canonical-graph.ts";
import { countCrossings, type Layers } from "./crossings.ts";
import { cutCycles } from "./cut-cycles.ts";
import { type LayoutGraph, overlaps, type Positions, type Rect } from "./graph-shapes.ts";
import { orderLayers } from "./layer-order.ts";
import { layeredLayout } from "./layered-layout.ts";
import { placeNewcomers } from "./place-newcomers.ts";
import { longestPathRanks } from "./ranks.ts";

const graphs: fc.Arbitrary<LayoutGraph> = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 14 })
  .chain((ids) =>
    fc.record({
      nodes: fc.constant(
        ids.map((id, at) => ({ id, widthPx: 110 + (at % 4) * 12, heightPx: 55 + (at % 3) * 24 })),
      ),
      edges: fc.array(
        fc.record({
          source: fc.constantFrom(...ids),
          destination: fc.constantFrom(...ids),
          weight: fc.double({ min: 0, max: 1e6, noNaN: true }),
        }),
        { maxLength: 30 },
      ),
    }),
  );

function rects(graph: LayoutGraph, positions: Positions): readonly Rect[] {
  return graph.nodes.map((node) => {
    const at = positions.get(node.id);
    assert.ok(at, `${node.id} has a place`);
    return { ...at, widthPx: node.widthPx, heightPx: node.heightPx };
  });
}

test("every card has a finite place and no two overlap", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const cards = rects(graph, layeredLayout(graph));
      for (const card of cards) assert.ok(Number.isFinite(card.xPx) && Number.isFinite(card.yPx));
      cards.forEach((a, at) => {
        for (const b of cards.slice(at + 1)) assert.ok(!overlaps(a, b, 8));
      });
    }),
  );
});

test("the picture does not depend on the order in which nodes and edges are listed", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const turned = { nodes: graph.nodes.toReversed(), edges: graph.edges.toReversed() };
      const weightsSum = (g: LayoutGraph) => new Map([...layeredLayout(g)].sort());
      assert.deepEqual(weightsSum(turned), weightsSum(graph));
    }),
  );
});

test("the same graph gives the same picture", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      assert.deepEqual(layeredLayout(graph), layeredLayout(structuredClone(graph)));
    }),
  );
});

test("a newcomer moves no other card and overlaps none", () => {
  fc.assert(
    fc.property(graphs, graphs, (before, later) => {
      const kept = layeredLayout(before);
      const known = new Set(before.nodes.map((node) => node.id));
      const after = {
        nodes: [...before.nodes, ...later.nodes.filter((node) => !known.has(node.id))],
        edges: [...before.edges, ...later.edges],
      };
      const positions = placeNewcomers(after, kept);
      for (const node of before.nodes) assert.deepEqual(positions.get(node.id), kept.get(node.id));
      const cards = rects(after, positions);
      cards.forEach((a, at) => {
        for (const b of cards.slice(at + 1)) assert.ok(!overlaps(a, b));
      });
    }),
  );
});

test("a caller stands left of what it calls unless they call in a circle", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const acyclic = cutCycles(canonicalGraph(graph));
      const ranks = longestPathRanks(acyclic);
      for (const edge of acyclic.edges) {
        assert.ok((ranks.get(edge.source) ?? 0) < (ranks.get(edge.destination) ?? 0));
      }
    }),
  );
});

test("a cycle is cut at its weakest edge", () => {
  const node = (id: string) => ({ id, widthPx: 120, heightPx: 55 });
  const acyclic = cutCycles(
    canonicalGraph({
      nodes: ["a", "b", "c"].map(node),
      edges: [
        { source: "a", destination: "b", weight: 5 },
        { source: "b", destination: "c", weight: 1 },
        { source: "c", destination: "a", weight: 9 },
      ],
    }),
  );
  assert.deepEqual(
    acyclic.edges.map((edge) => `${edge.source}${edge.destination}`),
    ["ab", "ca"],
  );
});

/** Layered graphs of up to 3 × 4 nodes, small enough to try every order. */
const smallLayers = fc
  .array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 3 })
  .chain((sizes) => {
    const layers = sizes.map((size, rank) =>
      Array.from({ length: size }, (_, at) => `${rank}${at}`),
    );
    const pairs = layers
      .slice(1)
      .flatMap((layer, at) =>
        layer.flatMap((to) => (layers[at] ?? []).map((from) => [from, to] as const)),
      );
    return fc.record({ layers: fc.constant(layers), pairs: fc.subarray(pairs) });
  });

function permutations(items: readonly string[]): readonly (readonly string[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

function fewestCrossings(layers: Layers, count: (layers: Layers) => number): number {
  let orders: Layers[] = [[]];
  for (const layer of layers) {
    orders = orders.flatMap((done) => permutations(layer).map((order) => [...done, order]));
  }
  return Math.min(...orders.map(count));
}

test("crossings stay within 1.5 times the best order there is", () => {
  fc.assert(
    fc.property(smallLayers, ({ layers, pairs }) => {
      const nodes = layers.flat().map((id) => ({ id, widthPx: 120, heightPx: 55 }));
      const edges = pairs.map(([source, destination]) => ({ source, destination, weight: 1 }));
      const graph = adjacency(nodes, edges);
      const ranks = new Map(layers.flatMap((layer, rank) => layer.map((id) => [id, rank])));
      const crossings = countCrossings(orderLayers(graph, ranks), edges);
      const best = fewestCrossings(layers, (order) => countCrossings(order, edges));
      assert.ok(crossings <= 1.5 * best, `${crossings} crossings, best ${best}`);
    }),
    { numRuns: 150 },
  );
});

test("300 nodes with 900 edges take well under a second", () => {
  const nodes = Array.from({ length: 300 }, (_, at) => ({
    id: `n${at}`,
    widthPx: 120,
    heightPx: 55,
  }));
  const edges = Array.from({ length: 900 }, (_, at) => ({
    source: `n${(at * 7) % 300}`,
    destination: `n${((at * 7) % 300) + 1 + ((at * 13) % 40)}`,
    weight: at % 17,
  }));
  const startedMs = performance.now();
  const positions = layeredLayout({ nodes, edges });
  assert.equal(positions.size, 300);
  assert.ok(performance.now() - startedMs < 1000, `${performance.now() - startedMs} ms`);
});

test("a card without calls stands under the leaves when that makes the drawing no higher than a row below", () => {
  const node = (id: string) => ({ id, widthPx: 120, heightPx: 55 });
  const edges = ["b", "c"].map((destination) => ({ source: "a", destination, weight: 1 }));
  const positions = layeredLayout({ nodes: ["a", "b", "c", "idle"].map(node), edges });
  assert.equal(positions.get("idle")?.xPx, positions.get("b")?.xPx);
});
