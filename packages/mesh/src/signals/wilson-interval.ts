/** Half-open no more than a share can be: 0 ≤ lower ≤ share ≤ upper ≤ 1. */
export type Interval = { readonly lower: number; readonly upper: number };

const Z_90_PERCENT = 1.6449; // two-sided

/** The 90 % Wilson score interval around `part / whole` (whole ≥ 1). */
export function wilsonInterval(part: number, whole: number): Interval {
  const share = part / whole;
  const z2 = Z_90_PERCENT ** 2;
  const centre = share + z2 / (2 * whole);
  const spread = Z_90_PERCENT * Math.sqrt((share * (1 - share) + z2 / (4 * whole)) / whole);
  const scale = 1 + z2 / whole;
  return {
    lower: Math.max(0, Math.min(share, (centre - spread) / scale)),
    upper: Math.min(1, Math.max(share, (centre + spread) / scale)),
  };
}
