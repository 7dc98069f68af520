/** A card to place; its size is known before it has a place. */
export type LayoutNode = {
  readonly id: string;
  readonly widthPx: number;
  readonly heightPx: number;
};

/** A call from one card to another. `weight` (requests per second) decides which call of a cycle counts as the way back. */
export type LayoutEdge = {
  readonly source: string;
  readonly destination: string;
  readonly weight: number;
};

/** What is drawn. Edges whose ends are not among the nodes are ignored, and so are calls to oneself. */
export type LayoutGraph = {
  readonly nodes: readonly LayoutNode[];
  readonly edges: readonly LayoutEdge[];
};

export type Point = { readonly xPx: number; readonly yPx: number };

export type Rect = Point & { readonly widthPx: number; readonly heightPx: number };

/** Top left corner of each card, by node id. */
export type Positions = ReadonlyMap<string, Point>;

/** Empty space between cards: room for a chip sideways, for one more version row downwards. */
export const COLUMN_GAP_PX = 108;
export const ROW_GAP_PX = 32;

/** True if the two come closer than `marginPx`; touching at exactly the margin is free. */
export function overlaps(a: Rect, b: Rect, marginPx = 0): boolean {
  return (
    a.xPx < b.xPx + b.widthPx + marginPx &&
    b.xPx < a.xPx + a.widthPx + marginPx &&
    a.yPx < b.yPx + b.heightPx + marginPx &&
    b.yPx < a.yPx + a.heightPx + marginPx
  );
}
