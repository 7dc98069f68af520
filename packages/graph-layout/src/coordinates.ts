import type { CanonicalGraph } from "./canonical-graph.ts";
import type { Layers } from "./crossings.ts";
import { COLUMN_GAP_PX, type LayoutNode, type Point, ROW_GAP_PX } from "./graph-shapes.ts";

const PASSES = 16;

/** Gives each ordered column its x and each node a y near the middle of what it talks to. */
export function assignCoordinates(graph: CanonicalGraph, layers: Layers): Map<string, Point> {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const columns = layers.map((layer) => layer.flatMap((id) => nodes.get(id) ?? []));
  const middles = new Map<string, number>();
  for (const column of columns) stack(column, middles, () => undefined);
  for (let pass = 0; pass < PASSES; pass++) {
    const rightwards = pass % 2 === 0;
    for (const column of rightwards ? columns : columns.toReversed()) {
      stack(column, middles, (id) => middleOfNeighbours(graph, id, middles));
    }
  }
  return placed(columns, middles);
}

function placed(
  columns: readonly (readonly LayoutNode[])[],
  middles: ReadonlyMap<string, number>,
): Map<string, Point> {
  const positions = new Map<string, Point>();
  const topPx = Math.min(
    ...columns.flat().map((node) => (middles.get(node.id) ?? 0) - node.heightPx / 2),
  );
  let xPx = 0;
  for (const column of columns) {
    const widthPx = Math.max(0, ...column.map((node) => node.widthPx));
    for (const node of column) {
      const yPx = Math.round((middles.get(node.id) ?? 0) - node.heightPx / 2 - topPx);
      positions.set(node.id, { xPx, yPx });
    }
    xPx += widthPx + COLUMN_GAP_PX;
  }
  return positions;
}

function middleOfNeighbours(
  graph: CanonicalGraph,
  id: string,
  middles: ReadonlyMap<string, number>,
): number | undefined {
  const near = [
    ...(graph.predecessors.get(id) ?? []).map((edge) => edge.source),
    ...(graph.successors.get(id) ?? []).map((edge) => edge.destination),
  ];
  if (near.length === 0) return undefined;
  return near.reduce((sum, one) => sum + (middles.get(one) ?? 0), 0) / near.length;
}

type Block = { sum: number; count: number; readonly first: number };

/**
 * Puts a column as near to its wishes as order and row gap allow, in the least squares sense: blocks of
 * touching nodes move together (pool adjacent violators). No wish: stay, or for a start, stack up.
 */
function stack(
  column: readonly LayoutNode[],
  middles: Map<string, number>,
  wishOf: (id: string) => number | undefined,
): void {
  const offsets = offsetsOf(column);
  const blocks: Block[] = [];
  column.forEach((node, index) => {
    const wish = wishOf(node.id) ?? middles.get(node.id) ?? offsets[index] ?? 0;
    let block: Block = { sum: wish - (offsets[index] ?? 0), count: 1, first: index };
    for (let above = blocks.at(-1); above !== undefined; above = blocks.at(-1)) {
      if (above.sum / above.count < block.sum / block.count) break;
      blocks.pop();
      block = { sum: above.sum + block.sum, count: above.count + block.count, first: above.first };
    }
    blocks.push(block);
  });
  for (const block of blocks) {
    for (let index = block.first; index < block.first + block.count; index++) {
      const node = column[index];
      if (node !== undefined) middles.set(node.id, block.sum / block.count + (offsets[index] ?? 0));
    }
  }
}

/** Middles of the column when its nodes stand as close as they may, around zero. */
function offsetsOf(column: readonly LayoutNode[]): readonly number[] {
  const heightPx = column.reduce((sum, node) => sum + node.heightPx + ROW_GAP_PX, -ROW_GAP_PX);
  let topPx = -heightPx / 2;
  return column.map((node) => {
    const middlePx = topPx + node.heightPx / 2;
    topPx += node.heightPx + ROW_GAP_PX;
    return middlePx;
  });
}
