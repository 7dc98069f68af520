import type { ObservedCall } from "@heddle/contracts";

/** One workload that was called in the window, with who called it. */
export interface SeenTarget {
  /** `namespace/workload`. */
  readonly id: string;
  readonly name: string;
  readonly calls: readonly ObservedCall[];
  readonly requests: number;
}

/** Called workloads, by name. */
export function seenTargets(calls: readonly ObservedCall[]): SeenTarget[] {
  const byTarget = Map.groupBy(
    calls,
    ({ destination }) => `${destination.namespace}/${destination.workload}`,
  );
  const targets = [...byTarget].map(([id, members]) => ({
    id,
    name: members[0]?.destination.workload ?? id,
    calls: members,
    requests: members.reduce((sum, call) => sum + call.requests, 0),
  }));
  return targets.sort((a, b) => a.id.localeCompare(b.id));
}

/** Of what was seen, the calls no rule by identity lets in: their callers have none. Most requests first. */
export function wouldHaveDenied(targets: readonly SeenTarget[]): ObservedCall[] {
  return targets
    .flatMap(({ calls }) => calls)
    .filter(({ source }) => source.workload === undefined)
    .sort((a, b) => b.requests - a.requests);
}

/** `shop/checkout-v1`, or of a caller without identity its address. */
export function callerKey({ source }: Pick<ObservedCall, "source">): string {
  if (source.workload !== undefined) return `${source.namespace ?? ""}/${source.workload}`;
  return source.address ?? "an unknown address";
}
