import type { Point, Rect } from "@heddle/graph-layout";
import type { Card, GraphModel, Thread } from "./graph-model.ts";

/** Sizes of the node card. They come from its content's length alone, so that no number moves it. */
export const HEAD_PX = 30;
export const ROW_PX = 24;
const BORDER_PX = 1;
const LEAST_WIDTH_PX = 132;
const MOST_WIDTH_PX = 156;
/** Mean width of a character of the title (13 px, 600) and of a row (12 px). */
const TITLE_CHAR_PX = 7.4;
const ROW_CHAR_PX = 6.6;
const TITLE_EXTRA_PX = 36; // glyph, gaps and padding
const BADGE_PX = 17;
const MOST_SIGNS = 4; // three and "+2"
const RATE_PX = 70; // "42.1 rps" and padding
const ADDRESS_EXTRA_PX = 24; // gap and padding
/** Threads that share a row dock this far apart, closer if they would leave the row. */
const PORT_PX = 6;

export function cardSize(card: Card): { readonly widthPx: number; readonly heightPx: number } {
  const signs = Math.min((card.canary === undefined ? 0 : 2) + card.badges.length, MOST_SIGNS);
  const badges = signs + (card.mtlsRatio === undefined ? 0 : 1);
  const titlePx = card.title.length * TITLE_CHAR_PX + TITLE_EXTRA_PX + badges * BADGE_PX;
  const rowsPx = card.rows.map(
    (row) => (row.label.length + (row.isCanary ? 7 : 0)) * ROW_CHAR_PX + valueWidthPx(row),
  );
  const wantedPx = Math.ceil(Math.max(titlePx, ...rowsPx) / 4) * 4;
  return {
    widthPx: Math.min(Math.max(wantedPx, LEAST_WIDTH_PX), MOST_WIDTH_PX),
    heightPx: HEAD_PX + ROW_PX * card.rows.length + 2 * BORDER_PX,
  };
}

/** A caller outside the mesh shows its address where others show their rate. */
function valueWidthPx({ node }: Card["rows"][number]): number {
  if (node.kind !== "outside" || node.address === undefined) return RATE_PX;
  return Math.max(RATE_PX, node.address.length * ROW_CHAR_PX + ADDRESS_EXTRA_PX);
}

export type ThreadEnds = { readonly from: Point; readonly to: Point };

/** Where each thread leaves and arrives: on its version's row, in the order of the far ends. */
export function dockThreads(
  model: GraphModel,
  rects: ReadonlyMap<string, Rect>,
): ReadonlyMap<string, ThreadEnds> {
  const rowY = rowMiddles(model.cards, rects);
  const ends = new Map<string, { from?: Point; to?: Point }>();
  const dock = (side: "from" | "to", threads: readonly Thread[]) => {
    const own = (thread: Thread) =>
      side === "from" ? thread.edge.source : thread.edge.destination;
    const far = (thread: Thread) =>
      side === "from" ? thread.edge.destination : thread.edge.source;
    for (const [row, docked] of Map.groupBy(threads, own)) {
      const sorted = docked.toSorted(
        (a, b) => (rowY.get(far(a)) ?? 0) - (rowY.get(far(b)) ?? 0) || (a.id < b.id ? -1 : 1),
      );
      const stepPx = Math.min(PORT_PX, ROW_PX / Math.max(1, sorted.length - 1));
      sorted.forEach((thread, index) => {
        const rect = rects.get(side === "from" ? thread.sourceCard : thread.destinationCard);
        const middlePx = rowY.get(row);
        if (rect === undefined || middlePx === undefined) return;
        const xPx = side === "from" ? rect.xPx + rect.widthPx : rect.xPx;
        const yPx = middlePx + (index - (sorted.length - 1) / 2) * stepPx;
        ends.set(thread.id, { ...ends.get(thread.id), [side]: { xPx, yPx } });
      });
    }
  };
  dock("from", model.threads);
  dock("to", model.threads);
  return new Map(
    [...ends].flatMap(([id, { from, to }]) =>
      from === undefined || to === undefined ? [] : [[id, { from, to }] as const],
    ),
  );
}

function rowMiddles(
  cards: readonly Card[],
  rects: ReadonlyMap<string, Rect>,
): ReadonlyMap<string, number> {
  return new Map(
    cards.flatMap((card) =>
      card.rows.map((row, index) => {
        const topPx = rects.get(card.id)?.yPx ?? 0;
        return [row.id, topPx + BORDER_PX + HEAD_PX + (index + 0.5) * ROW_PX] as const;
      }),
    ),
  );
}
