import type { WorkloadState } from "@heddle/contracts";

/** When a workload's certificate is due for a new one. */
export interface Renewal {
  readonly workload: string;
  readonly atMs: number;
}

/**
 * The workloads whose proxies hold a certificate, by when it is renewed: at half of its life. Those without a connected
 * proxy are left out, since nobody renews theirs.
 */
export function renewalsOf(workloads: readonly WorkloadState[], lifeMs: number): Renewal[] {
  return workloads
    .filter(({ instances }) => instances.some(({ state }) => state === "connected"))
    .flatMap(({ name, certificateNotAfterMs }) =>
      certificateNotAfterMs === undefined
        ? []
        : [{ workload: name, atMs: certificateNotAfterMs - lifeMs / 2 }],
    )
    .sort((a, b) => a.atMs - b.atMs);
}

/** How many are due in each of `count` equal parts of [fromMs, toMs); what is overdue counts in the first. */
export function binRenewals(
  renewals: readonly Renewal[],
  fromMs: number,
  toMs: number,
  count: number,
): number[] {
  const bins = Array.from({ length: count }, () => 0);
  for (const { atMs } of renewals) {
    const index = Math.floor(((atMs - fromMs) / (toMs - fromMs)) * count);
    if (index >= count) continue;
    const place = Math.max(0, index);
    bins[place] = (bins[place] ?? 0) + 1;
  }
  return bins;
}
