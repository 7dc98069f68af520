import type { LayoutEdge } from "./graph-shapes.ts";

/** Node ids by column, top to bottom. */
export type Layers = readonly (readonly string[])[];

/**
 * How often threads cross, drawn straight between columns whose nodes stand one unit apart around the
 * middle. A thread over several columns is counted in each gap it passes. O(e log e) for e edge pieces.
 */
export function countCrossings(layers: Layers, edges: readonly LayoutEdge[]): number {
  const placeOf = unitPlaces(layers);
  const gaps: [number, number][][] = layers.map(() => []);
  for (const edge of edges) {
    const a = placeOf.get(edge.source);
    const b = placeOf.get(edge.destination);
    if (a === undefined || b === undefined || a.rank === b.rank) continue;
    const [left, right] = a.rank < b.rank ? [a, b] : [b, a];
    const slope = (right.y - left.y) / (right.rank - left.rank);
    for (let rank = left.rank; rank < right.rank; rank++) {
      const y = left.y + slope * (rank - left.rank);
      gaps[rank]?.push([y, y + slope]);
    }
  }
  return gaps.reduce((sum, pieces) => sum + countInversions(pieces), 0);
}

function unitPlaces(layers: Layers): ReadonlyMap<string, { rank: number; y: number }> {
  return new Map(
    layers.flatMap((layer, rank) =>
      layer.map((id, index) => [id, { rank, y: index - (layer.length - 1) / 2 }] as const),
    ),
  );
}

/** Pairs that change sides: sorted by the left end, how many right ends stand the wrong way round. */
function countInversions(pieces: [number, number][]): number {
  pieces.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return sortCounting(pieces.map((piece) => piece[1])).inversions;
}

function sortCounting(values: readonly number[]): {
  sorted: readonly number[];
  inversions: number;
} {
  if (values.length < 2) return { sorted: values, inversions: 0 };
  const middle = values.length >> 1;
  const left = sortCounting(values.slice(0, middle));
  const right = sortCounting(values.slice(middle));
  const sorted: number[] = [];
  let inversions = left.inversions + right.inversions;
  let at = 0;
  for (const value of right.sorted) {
    // Equal ends meet in one card: that is no crossing. The tolerance is for interpolated long threads.
    while (at < left.sorted.length && (left.sorted[at] ?? 0) <= value + 1e-9) {
      sorted.push(left.sorted[at++] ?? 0);
    }
    inversions += left.sorted.length - at;
    sorted.push(value);
  }
  return { sorted: [...sorted, ...left.sorted.slice(at)], inversions };
}
