const GOLDEN_STEP = (Math.sqrt(5) - 1) / 2;

/**
 * The draw after `draw` in the Weyl sequence of the golden ratio, in [0, 1). Any run of n draws falls
 * into an interval of width w about n·w times, off by a few at most (log n), where independent draws
 * are off by √n: so a 5 % canary gets its 5 % of a hundred requests too. Every k-th draw is spread as
 * evenly, so callers that alternate between two kinds of request do not lock on to one destination.
 */
export function nextEvenDraw(draw: number): number {
  const next = draw + GOLDEN_STEP;
  return next >= 1 ? next - 1 : next;
}
