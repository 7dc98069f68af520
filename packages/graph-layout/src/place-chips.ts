import { overlaps, type Point, type Rect } from "./graph-shapes.ts";
import { pointOnThread, type ThreadCurve } from "./thread-curve.ts";

/** A label that wants to sit on its thread. Higher `priority` chooses first. */
export type ChipWish = {
  readonly id: string;
  readonly curve: ThreadCurve;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly priority: number;
};

/** Where on the thread a chip looks best: a little past the middle, where threads have parted. */
const BEST_SHARE = 0.56;
const STEP = 0.04;
const CARD_GAP_PX = 4;
const CHIP_GAP_PX = 2;

/**
 * The middle of each chip that found a place on its thread over no card and no other chip; places are
 * tried from 0.56 outwards. A chip without a free place is left out.
 */
export function placeChips(
  wishes: readonly ChipWish[],
  cards: readonly Rect[],
): ReadonlyMap<string, Point> {
  const taken: Rect[] = [];
  const places = new Map<string, Point>();
  const order = wishes.toSorted((a, b) => b.priority - a.priority || (a.id < b.id ? -1 : 1));
  for (const wish of order) {
    for (const share of SHARES) {
      const middle = pointOnThread(wish.curve, share);
      const rect = around(middle, wish);
      if (cards.some((card) => overlaps(rect, card, CARD_GAP_PX))) continue;
      if (taken.some((chip) => overlaps(rect, chip, CHIP_GAP_PX))) continue;
      taken.push(rect);
      places.set(wish.id, middle);
      break;
    }
  }
  return places;
}

const SHARES: readonly number[] = [BEST_SHARE, ...outwards()];

function outwards(): readonly number[] {
  const shares: number[] = [];
  for (let step = 1; step <= 10; step++) {
    shares.push(BEST_SHARE - step * STEP, BEST_SHARE + step * STEP);
  }
  return shares.filter((share) => share > 0.08 && share < 0.92);
}

function around(middle: Point, size: { widthPx: number; heightPx: number }): Rect {
  return {
    xPx: middle.xPx - size.widthPx / 2,
    yPx: middle.yPx - size.heightPx / 2,
    widthPx: size.widthPx,
    heightPx: size.heightPx,
  };
}
