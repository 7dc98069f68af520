/** Envoy's overprovisioning factor: a group serves all of its share while 1 in 1.4 (72 %) is available. */
export const OVERPROVISIONING = 1.4;

/** How many endpoints a group has, and how many of them may be used. */
export type GroupCounts = { readonly total: number; readonly available: number };

/**
 * The share of requests each priority gets: the first as much as its health (available / total × 1.4)
 * covers, the next of what is left, and so on. When all together do not cover 1, all are raised alike.
 * The shares sum to 1, or are all 0 when nothing is available.
 */
export function priorityShares(groups: readonly GroupCounts[]): number[] {
  const health = groups.map(groupHealth);
  const sum = health.reduce((all, one) => all + one, 0);
  if (sum <= 1) return health.map((one) => (sum === 0 ? 0 : one / sum));
  let left = 1;
  return health.map((one) => {
    const share = Math.min(one, left);
    left -= share;
    return share;
  });
}

/** The share each weighted group gets: its weight, less what its health does not cover; they sum to 1 or 0. */
export function weightedShares(
  groups: readonly GroupCounts[],
  weights: readonly number[],
): number[] {
  const effective = groups.map((group, i) => (weights[i] ?? 0) * groupHealth(group));
  const sum = effective.reduce((all, one) => all + one, 0);
  return effective.map((one) => (sum === 0 ? 0 : one / sum));
}

/** What part (0–1) of its full share a group can carry. */
export function groupHealth({ total, available }: GroupCounts): number {
  return total === 0 ? 0 : Math.min(1, (OVERPROVISIONING * available) / total);
}

/**
 * Which of the groups ignore ejections because too few endpoints are left ("panic"): those whose
 * available part is below `minHealthRatio`, unless the groups together can still carry everything, as in
 * Envoy. 0 switches this off.
 */
export function panickingGroups(groups: readonly GroupCounts[], minHealthRatio: number): boolean[] {
  const covered = groups.reduce((sum, group) => sum + groupHealth(group), 0);
  const isCovered = groups.length > 1 && covered >= 1;
  return groups.map(
    ({ total, available }) => !isCovered && total > 0 && available / total < minHealthRatio,
  );
}
