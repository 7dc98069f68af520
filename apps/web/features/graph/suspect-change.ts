/** A change and how long after it the failures began. */
export interface Suspect<Change> {
  readonly change: Change;
  readonly beforeMs: number;
}

interface Step {
  readonly startMs: number;
  readonly requests: number;
  readonly errorRatio?: number | undefined;
}

/** From here on a step counts as red; twenty requests at least, so that one bad one in a quiet minute is none. */
const RED_RATIO = 0.02;
const LEAST_REQUESTS = 20;
/** A change further back than this is not suspected. */
const REACH_MS = 600_000;

/**
 * The newest change before the latest red began: the first red step after one that was not. `undefined`: nothing is or
 * was red, or nothing changed in the ten minutes before it. A step knows its failures only as a whole, so a change within
 * the first red step counts as before it.
 */
export function suspectChange<Change extends { readonly createdAtMs: number }>(
  changes: readonly Change[],
  steps: readonly Step[],
  stepMs: number,
): Suspect<Change> | undefined {
  const isRed = ({ requests, errorRatio = 0 }: Step): boolean =>
    requests >= LEAST_REQUESTS && errorRatio >= RED_RATIO;
  const first = steps.findLastIndex(
    (step, index) => isRed(step) && (index === 0 || !isRed(steps[index - 1] ?? step)),
  );
  const red = steps[first];
  if (red === undefined || first === 0) return undefined; // red since before the window: its beginning is not known
  const before = changes
    .filter(({ createdAtMs }) => createdAtMs < red.startMs + stepMs)
    .filter(({ createdAtMs }) => createdAtMs >= red.startMs - REACH_MS)
    .sort((a, b) => b.createdAtMs - a.createdAtMs);
  const [change] = before;
  return change && { change, beforeMs: Math.max(0, red.startMs - change.createdAtMs) };
}
