import { adjacency, type CanonicalGraph, canonicalGraph } from "./canonical-graph.ts";
import { assignCoordinates } from "./coordinates.ts";
import { cutCycles } from "./cut-cycles.ts";
import {
  COLUMN_GAP_PX,
  type LayoutGraph,
  type LayoutNode,
  type Point,
  type Positions,
  ROW_GAP_PX,
} from "./graph-shapes.ts";
import { orderLayers } from "./layer-order.ts";
import { longestPathRanks } from "./ranks.ts";

/**
 * Places a service graph afresh: columns left to right in the direction of calls, few crossings, no two
 * cards closer than the gaps. Nodes without any call stand at the foot of the right columns, among the
 * leaves, and in rows below once there is no room. The same graph gives the same picture, in whatever
 * order its parts are listed.
 */
export function layeredLayout(graph: LayoutGraph): Positions {
  const canonical = canonicalGraph(graph);
  const connected = canonical.nodes.filter((node) => !isAlone(canonical, node.id));
  const alone = canonical.nodes.filter((node) => isAlone(canonical, node.id));
  const acyclic = cutCycles(adjacency(connected, canonical.edges));
  const positions = assignCoordinates(acyclic, orderLayers(acyclic, longestPathRanks(acyclic)));
  const crowd = placeAtFoot(alone, connected, positions);
  placeInRows(crowd, [...connected, ...alone.filter((node) => !crowd.includes(node))], positions);
  return positions;
}

export function isAlone(graph: CanonicalGraph, id: string): boolean {
  return (graph.successors.get(id) ?? []).length + (graph.predecessors.get(id) ?? []).length === 0;
}

/** Fills the right half's columns up, from the right, as far down as a row below all would reach; answers who is left. */
function placeAtFoot(
  alone: readonly LayoutNode[],
  connected: readonly LayoutNode[],
  positions: Map<string, Point>,
): readonly LayoutNode[] {
  const feet = new Map<number, number>();
  for (const node of connected) {
    const at = positions.get(node.id) ?? { xPx: 0, yPx: 0 };
    feet.set(at.xPx, Math.max(feet.get(at.xPx) ?? 0, at.yPx + node.heightPx));
  }
  const lowestPx = Math.max(0, ...feet.values());
  const columns = [...feet.keys()].sort((a, b) => b - a).slice(0, Math.floor(feet.size / 2));
  return alone.filter((node) => {
    const fits = (xPx: number) => (feet.get(xPx) ?? 0) <= lowestPx + ROW_GAP_PX;
    const xPx = columns.find(fits);
    if (xPx === undefined) return true;
    const yPx = (feet.get(xPx) ?? 0) + ROW_GAP_PX;
    positions.set(node.id, { xPx, yPx });
    feet.set(xPx, yPx + node.heightPx);
    return false;
  });
}

/** A row is as wide as the drawing above it, and never less than this, so that few nodes make no tower. */
const LEAST_ROW_WIDTH_PX = 900;

function placeInRows(
  alone: readonly LayoutNode[],
  above: readonly LayoutNode[],
  positions: Map<string, Point>,
): void {
  const edges = above.map((node) => {
    const at = positions.get(node.id) ?? { xPx: 0, yPx: 0 };
    return { rightPx: at.xPx + node.widthPx, bottomPx: at.yPx + node.heightPx };
  });
  const rowWidthPx = Math.max(LEAST_ROW_WIDTH_PX, ...edges.map((edge) => edge.rightPx));
  let yPx =
    above.length === 0 ? 0 : Math.max(...edges.map((edge) => edge.bottomPx)) + 2 * ROW_GAP_PX;
  let xPx = 0;
  let rowHeightPx = 0;
  for (const node of alone) {
    if (xPx > 0 && xPx + node.widthPx > rowWidthPx) {
      xPx = 0;
      yPx += rowHeightPx + ROW_GAP_PX;
      rowHeightPx = 0;
    }
    positions.set(node.id, { xPx, yPx });
    xPx += node.widthPx + COLUMN_GAP_PX / 2;
    rowHeightPx = Math.max(rowHeightPx, node.heightPx);
  }
}
