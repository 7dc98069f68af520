import type { PreflightCaller } from "@heddle/contracts";

/** One address and all it calls without proving who it is. */
export interface CallerSource {
  readonly address: string;
  /** The call with the highest rate: it tells the names. */
  readonly first: PreflightCaller;
  readonly calls: readonly PreflightCaller[];
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly refused: number;
  readonly lastSeenMs: number;
}

/** By address, the busiest first, then the last seen. */
export function callerSources(callers: readonly PreflightCaller[]): CallerSource[] {
  const byAddress = Map.groupBy(callers, ({ sourceAddress }) => sourceAddress);
  const sources = [...byAddress].flatMap(([address, calls]): CallerSource[] => {
    const [first] = calls.toSorted((a, b) => b.requestsPerSecond - a.requestsPerSecond);
    if (first === undefined) return [];
    const sum = (of: (call: PreflightCaller) => number) =>
      calls.reduce((total, call) => total + of(call), 0);
    return [
      {
        address,
        first,
        calls,
        requests: sum(({ requests }) => requests),
        requestsPerSecond: sum(({ requestsPerSecond }) => requestsPerSecond),
        refused: sum(({ refused }) => refused),
        lastSeenMs: Math.max(...calls.map(({ lastSeenMs }) => lastSeenMs)),
      },
    ];
  });
  return sources.sort(
    (a, b) => b.requestsPerSecond - a.requestsPerSecond || b.lastSeenMs - a.lastSeenMs,
  );
}
