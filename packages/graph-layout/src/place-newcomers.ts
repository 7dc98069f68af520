import { type CanonicalGraph, canonicalGraph } from "./canonical-graph.ts";
import { cutCycles } from "./cut-cycles.ts";
import {
  COLUMN_GAP_PX,
  type LayoutGraph,
  type LayoutNode,
  overlaps,
  type Point,
  type Positions,
  type Rect,
  ROW_GAP_PX,
} from "./graph-shapes.ts";
import { layeredLayout } from "./layered-layout.ts";
import { longestPathRanks } from "./ranks.ts";

/** Cards this near in x stand in one column. */
const SAME_COLUMN_PX = COLUMN_GAP_PX / 2;
/** A gap is free for a newcomer if it leaves this much on each side. */
const LEAST_GAP_PX = 16;

/**
 * Positions for all nodes of `graph` in which every node that is in `kept` stays exactly there. A new
 * node takes the free place in its column that is nearest to what it talks to. Nothing kept: a fresh layout.
 */
export function placeNewcomers(graph: LayoutGraph, kept: Positions): Positions {
  const canonical = canonicalGraph(graph);
  if (!canonical.nodes.some((node) => kept.has(node.id))) return layeredLayout(graph);
  const places = new Map<string, Rect>();
  for (const node of canonical.nodes) {
    const at = kept.get(node.id);
    if (at !== undefined) places.set(node.id, rectOf(node, at));
  }
  for (const node of newcomers(canonical, kept)) {
    places.set(node.id, freePlace(node, wishOf(canonical, node, places), [...places.values()]));
  }
  return new Map([...places].map(([id, { xPx, yPx }]) => [id, { xPx, yPx }]));
}

function rectOf(node: LayoutNode, at: Point): Rect {
  return { xPx: at.xPx, yPx: at.yPx, widthPx: node.widthPx, heightPx: node.heightPx };
}

/** Callers before the called, so that a chain of newcomers finds its left end placed. */
function newcomers(graph: CanonicalGraph, kept: Positions): readonly LayoutNode[] {
  const ranks = longestPathRanks(cutCycles(graph));
  return graph.nodes
    .filter((node) => !kept.has(node.id))
    .sort((a, b) => (ranks.get(a.id) ?? 0) - (ranks.get(b.id) ?? 0));
}

/** Where a newcomer would like to stand: right of its callers, else left of what it calls, else below all. */
function wishOf(graph: CanonicalGraph, node: LayoutNode, places: ReadonlyMap<string, Rect>): Point {
  const callers = (graph.predecessors.get(node.id) ?? []).flatMap(
    (e) => places.get(e.source) ?? [],
  );
  const called = (graph.successors.get(node.id) ?? []).flatMap(
    (edge) => places.get(edge.destination) ?? [],
  );
  const all = [...places.values()];
  const near = [...callers, ...called];
  if (near.length === 0) {
    const leftPx = Math.min(...all.map((place) => place.xPx));
    const bottomPx = Math.max(...all.map((place) => place.yPx + place.heightPx));
    return { xPx: leftPx, yPx: bottomPx + ROW_GAP_PX };
  }
  const middlePx =
    near.reduce((sum, place) => sum + place.yPx + place.heightPx / 2, 0) / near.length;
  const xPx =
    callers.length > 0
      ? Math.max(...callers.map((place) => place.xPx + place.widthPx)) + COLUMN_GAP_PX
      : Math.min(...called.map((place) => place.xPx)) - COLUMN_GAP_PX - node.widthPx;
  return { xPx: nearestColumn(xPx, all), yPx: Math.round(middlePx - node.heightPx / 2) };
}

function nearestColumn(xPx: number, places: readonly Rect[]): number {
  const column = places
    .filter((place) => Math.abs(place.xPx - xPx) <= SAME_COLUMN_PX)
    .reduce<number | undefined>(
      (best, place) =>
        best === undefined || Math.abs(place.xPx - xPx) < Math.abs(best - xPx) ? place.xPx : best,
      undefined,
    );
  return column ?? xPx;
}

/** The free y nearest to the wish; right above or below some card there always is one. */
function freePlace(node: LayoutNode, wish: Point, taken: readonly Rect[]): Rect {
  const candidates = [
    wish.yPx,
    ...taken.flatMap((place) => [
      place.yPx + place.heightPx + ROW_GAP_PX,
      place.yPx - ROW_GAP_PX - node.heightPx,
      place.yPx + place.heightPx + LEAST_GAP_PX,
      place.yPx - LEAST_GAP_PX - node.heightPx,
    ]),
  ].sort((a, b) => Math.abs(a - wish.yPx) - Math.abs(b - wish.yPx) || a - b);
  for (const yPx of candidates) {
    const place = rectOf(node, { xPx: wish.xPx, yPx });
    if (!taken.some((other) => overlaps(place, other, LEAST_GAP_PX))) return place;
  }
  const bottomPx = Math.max(...taken.map((place) => place.yPx + place.heightPx));
  return rectOf(node, { xPx: wish.xPx, yPx: bottomPx + ROW_GAP_PX });
}
