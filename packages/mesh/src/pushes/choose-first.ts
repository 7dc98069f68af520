import { stableHash } from "../balancing/stable-hash.ts";

/** A proxy that a change concerns, with the workloads it serves, `namespace/name`. */
export type PushCandidate = { readonly proxyId: string; readonly workloads: readonly string[] };

const FIRST_SHARE = 0.1;

/**
 * The proxies that get a risky change first: a tenth, at least one, and one of each workload that has several, but
 * never the last of those that serve one. The same for the same `salt`, whatever the order of `candidates`.
 */
export function chooseFirst(candidates: readonly PushCandidate[], salt: string): Set<string> {
  const drawn = candidates
    .map((one) => ({ ...one, place: stableHash(`${salt} ${one.proxyId}`) }))
    .sort((a, b) => a.place - b.place || (a.proxyId < b.proxyId ? -1 : 1));
  const left = new Map<string, number>();
  for (const workload of drawn.flatMap(({ workloads }) => workloads)) {
    left.set(workload, (left.get(workload) ?? 0) + 1);
  }
  const several = new Set([...left].flatMap(([workload, count]) => (count > 1 ? workload : [])));
  const untried = new Set(several);
  const first = new Set<string>();
  const take = ({ proxyId, workloads }: PushCandidate) => {
    first.add(proxyId);
    for (const workload of workloads) {
      left.set(workload, (left.get(workload) ?? 0) - 1);
      untried.delete(workload);
    }
  };
  const leavesOthers = ({ workloads }: PushCandidate) =>
    workloads.every((workload) => !several.has(workload) || (left.get(workload) ?? 0) > 1);
  for (const one of drawn) {
    if (one.workloads.some((workload) => untried.has(workload)) && leavesOthers(one)) take(one);
  }
  const wanted = Math.ceil(drawn.length * FIRST_SHARE);
  for (const one of drawn) {
    if (first.size >= wanted) break;
    if (!first.has(one.proxyId) && leavesOthers(one)) take(one);
  }
  const [lowest] = drawn;
  if (first.size === 0 && lowest) take(lowest);
  return first;
}
