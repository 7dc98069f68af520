/** The collector's finest buckets; an effect is judged by whole ones. */
export const STEP_MS = 10_000;
const SIDE_MS = 360_000;
/** Until a change was acknowledged, if nobody has measured it. */
const USUAL_SPREAD_MS = 2000;

/** The minutes on both sides of a revision that are its own. */
export type EffectWindow = {
  readonly before: { readonly fromMs: number; readonly toMs: number };
  readonly after: { readonly fromMs: number; readonly toMs: number };
  /** Those that cut them short. */
  readonly previousRevision: number | undefined;
  readonly nextRevision: number | undefined;
};

type Neighbour = { readonly revision: number; readonly createdAtMs: number } | undefined;

/**
 * Six minutes on both sides, in whole steps. The first ends with the last step before the change, the second begins
 * with the first step in which all proxies ran it, so no step holds requests of both kinds. Earlier and later
 * changes to the same services end them.
 */
export function effectWindow(
  change: { readonly createdAtMs: number; readonly spreadMs: number | undefined },
  neighbours: { readonly previous: Neighbour; readonly next: Neighbour },
): EffectWindow {
  const { createdAtMs, spreadMs = USUAL_SPREAD_MS } = change;
  const { previous, next } = neighbours;
  const beforeEnd = floorStep(createdAtMs);
  const afterStart = ceilStep(createdAtMs + spreadMs);
  const earliest = previous && ceilStep(previous.createdAtMs + USUAL_SPREAD_MS);
  const latest = next && floorStep(next.createdAtMs);
  const isCutBefore = earliest !== undefined && earliest > beforeEnd - SIDE_MS;
  const isCutAfter = latest !== undefined && latest < afterStart + SIDE_MS;
  return {
    before: {
      fromMs: isCutBefore ? Math.min(beforeEnd, earliest) : beforeEnd - SIDE_MS,
      toMs: beforeEnd,
    },
    after: {
      fromMs: afterStart,
      toMs: isCutAfter ? Math.max(afterStart, latest) : afterStart + SIDE_MS,
    },
    previousRevision: isCutBefore ? previous?.revision : undefined,
    nextRevision: isCutAfter ? next?.revision : undefined,
  };
}

/** The start of the step a moment lies in. */
export function floorStep(ms: number): number {
  return Math.floor(ms / STEP_MS) * STEP_MS;
}

function ceilStep(ms: number): number {
  return Math.ceil(ms / STEP_MS) * STEP_MS;
}
