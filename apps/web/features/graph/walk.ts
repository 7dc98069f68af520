import type { Point, Rect } from "@heddle/graph-layout";
import type { GraphModel, Thread } from "./graph-model.ts";

export type WalkKey = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/**
 * Where an arrow key leads. Right from a card or row: onto its first thread, from there to the card it
 * reaches; left the same against the traffic. Up and down: the next row or card of the column, or the next thread of the
 * same end. `undefined`: nowhere.
 */
export function walk(
  from: string,
  key: WalkKey,
  model: GraphModel,
  rects: ReadonlyMap<string, Rect>,
  middles: ReadonlyMap<string, Point>,
): string | undefined {
  const thread = model.threads.find((one) => one.id === from);
  if (thread !== undefined) return walkFromThread(thread, key, model, middles);
  if (key === "ArrowUp" || key === "ArrowDown") return walkColumn(from, key, model, rects);
  const isRight = key === "ArrowRight";
  const docked = model.threads.filter((one) => {
    const card = isRight ? one.sourceCard : one.destinationCard;
    const row = isRight ? one.edge.source : one.edge.destination;
    return card === from || row === from;
  });
  return byHeight(docked, middles)[0]?.id;
}

function walkFromThread(
  thread: Thread,
  key: WalkKey,
  model: GraphModel,
  middles: ReadonlyMap<string, Point>,
): string | undefined {
  if (key === "ArrowRight") return thread.edge.destination;
  if (key === "ArrowLeft") return thread.edge.source;
  const siblings = byHeight(
    model.threads.filter((one) => one.sourceCard === thread.sourceCard),
    middles,
  );
  const step = key === "ArrowDown" ? 1 : -1;
  return siblings[siblings.indexOf(thread) + step]?.id;
}

function byHeight(
  threads: readonly Thread[],
  middles: ReadonlyMap<string, Point>,
): readonly Thread[] {
  return threads.toSorted(
    (a, b) =>
      (middles.get(a.id)?.yPx ?? 0) - (middles.get(b.id)?.yPx ?? 0) || (a.id < b.id ? -1 : 1),
  );
}

function walkColumn(
  from: string,
  key: "ArrowUp" | "ArrowDown",
  model: GraphModel,
  rects: ReadonlyMap<string, Rect>,
): string | undefined {
  const card = model.cards.find(
    (one) => one.id === from || one.rows.some((row) => row.id === from),
  );
  const own = card && rects.get(card.id);
  if (card === undefined || own === undefined) return undefined;
  const isInColumn = (rect: Rect) =>
    rect.xPx < own.xPx + own.widthPx && own.xPx < rect.xPx + rect.widthPx;
  const stops = model.cards
    .flatMap((one) => {
      const rect = rects.get(one.id);
      return rect !== undefined && isInColumn(rect) ? [{ card: one, rect }] : [];
    })
    .sort((a, b) => a.rect.yPx - b.rect.yPx)
    // A card of one row is one stop: its row says what its head says.
    .flatMap(({ card: one }) =>
      one.id === one.rows[0]?.id ? [one.id] : [one.id, ...one.rows.map((row) => row.id)],
    );
  return stops[stops.indexOf(from) + (key === "ArrowDown" ? 1 : -1)];
}
