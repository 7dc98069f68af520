/** Shares of 0–1 by destination; they sum up to 1. */
export type Shares = ReadonlyMap<string, number>;

/**
 * Where a request that went to `went` under the shares `before` goes under `after`, so that as few requests as the
 * shares allow go elsewhere: what a destination gains comes from those that lose, in proportion. Nothing changes
 * between equal shares. A request that went where `before` sends nobody is drawn anew.
 */
export function coupleShares(went: string, before: Shares, after: Shares): Shares {
  const had = before.get(went) ?? 0;
  if (had <= 0) return after;
  const stays = Math.min(1, (after.get(went) ?? 0) / had);
  if (stays >= 1) return new Map([[went, 1]]);
  const gains = new Map<string, number>();
  let sum = 0;
  for (const [key, share] of after) {
    const gain = share - (before.get(key) ?? 0);
    if (gain <= 0) continue;
    gains.set(key, gain);
    sum += gain;
  }
  if (sum <= 0) return new Map([[went, 1]]); // the shares differ by rounding alone
  const coupled = new Map<string, number>();
  if (stays > 0) coupled.set(went, stays);
  for (const [key, gain] of gains) coupled.set(key, (gain / sum) * (1 - stays));
  return coupled;
}
