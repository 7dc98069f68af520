/**
 * Says yes to exactly this share of the questions: every 4th for 0.25. An accumulator instead of dice,
 * so that the rate of what depends on it is known and not only expected.
 */
export function exactShare(share: number): () => boolean {
  let sum = 0;
  return () => {
    sum += share;
    if (sum < 1 - 1e-9) return false; // 0.1 added ten times is a little less than 1
    sum -= 1;
    return true;
  };
}

/** Latencies of the given shape in a fixed order: `tailShare` of them `tailMs`, the rest ± 25 % of the median. */
export function latencySequence(latency: {
  readonly medianMs: number;
  readonly tailMs: number;
  readonly tailShare: number;
}): () => number {
  const isTail = exactShare(latency.tailShare);
  const goldenRatio = 0.618_033_988_75; // its multiples spread evenly over 0–1 without a pattern
  let position = 0;
  return () => {
    if (isTail()) return latency.tailMs;
    position = (position + goldenRatio) % 1;
    return latency.medianMs * (0.75 + 0.5 * position);
  };
}
