import {
  EDGE_TIER_MS,
  type EdgeBucket,
  type EdgeTier,
  findEdgeBuckets,
  type TelemetryDb,
} from "@heddle/store";

/**
 * What the database holds of [fromMs, untilMs), where memory takes over. Whole rows of the tier, then 10 s
 * rows up to the border, so that nothing is counted twice and nothing is left out.
 */
export async function findOlderBuckets(
  db: TelemetryDb,
  edgeIds: readonly number[],
  tier: EdgeTier,
  fromMs: number,
  untilMs: number,
): Promise<EdgeBucket[]> {
  if (edgeIds.length === 0 || fromMs >= untilMs) return [];
  const borderMs = Math.floor(untilMs / EDGE_TIER_MS[tier]) * EDGE_TIER_MS[tier];
  const coarse =
    fromMs < borderMs ? await findEdgeBuckets(db, { tier, fromMs, toMs: borderMs, edgeIds }) : [];
  const restFromMs = Math.max(fromMs, borderMs);
  if (restFromMs >= untilMs) return coarse;
  const rest = await findEdgeBuckets(db, {
    tier: "edge_10s",
    fromMs: restFromMs,
    toMs: untilMs,
    edgeIds,
  });
  return [...coarse, ...rest];
}
