import type { WorkloadTally } from "@heddle/contracts";
import { formatId, type PushCount, type PushTally } from "@heddle/mesh";

/** Whom a tally counts for: `undefined`: a first proxy that does not run the change yet. */
export type TallyGroup = "first" | "others" | undefined;

type Sums = { first: PushTally; others: PushTally; before: PushTally };

const NONE: PushTally = { requests: 0, errors: 0, denied: 0 };

/** What the proxies of this control plane have counted since a push began, by workload and side. */
export class PushTallies {
  readonly #last = new Map<string, PushTally & { readonly group: TallyGroup }>();
  readonly #sums = new Map<string, Sums>();

  /** A proxy's counts grow since its start: what it had counted when it was first heard of in its group is not of the push. */
  take(proxyId: string, group: TallyGroup, workloads: readonly WorkloadTally[]): void {
    for (const { workload, side, before, ...now } of workloads) {
      const what = `${formatId(workload)} has ${side}`;
      const key = `${proxyId} ${what}`;
      const last = this.#last.get(key);
      this.#last.set(key, { ...now, group });
      const sums = this.#sums.get(what) ?? { first: NONE, others: NONE, before: NONE };
      this.#sums.set(what, sums);
      if (last === undefined) sums.before = add(sums.before, before);
      else if (group !== undefined && last.group === group) {
        sums[group] = add(sums[group], grown(now, last));
      }
    }
  }

  get counts(): PushCount[] {
    return [...this.#sums].map(([what, sums]) => ({ what, ...sums }));
  }

  clear(): void {
    this.#last.clear();
    this.#sums.clear();
  }
}

export function add(one: PushTally, other: PushTally): PushTally {
  return {
    requests: one.requests + other.requests,
    errors: one.errors + other.errors,
    denied: one.denied + other.denied,
  };
}

/** A proxy that has started again counts from 0. */
function grown(now: PushTally, last: PushTally): PushTally {
  if (now.requests < last.requests) return now;
  return {
    requests: now.requests - last.requests,
    errors: Math.max(0, now.errors - last.errors),
    denied: Math.max(0, now.denied - last.denied),
  };
}
