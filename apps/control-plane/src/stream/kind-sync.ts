import {
  type ProxyResource,
  ProxyResourceKind,
  type RefusedResource,
  type ResourceKindSync,
  type SyncState,
} from "@heddle/contracts";

/** When resources of each kind were last sent to a proxy and acknowledged by it. */
export class SyncTimes {
  readonly startedMs: number;
  readonly #sentMs = new Map<string, number>();
  readonly #ackedMs = new Map<string, number>();

  constructor(startedMs: number) {
    this.startedMs = startedMs;
  }

  sent(kind: ProxyResourceKind, nowMs: number): void {
    this.#sentMs.set(kind, nowMs);
  }

  acked(kind: ProxyResourceKind, nowMs: number): void {
    this.#ackedMs.set(kind, nowMs);
  }

  lastSentMs(kind: ProxyResourceKind): number | undefined {
    return this.#sentMs.get(kind);
  }

  lastAckedMs(kind: ProxyResourceKind): number | undefined {
    return this.#ackedMs.get(kind);
  }
}

type Known = {
  /** Key → version, as far as the proxy has said so. */
  readonly have: ReadonlyMap<string, string>;
  readonly refused: ReadonlyMap<string, RefusedResource>;
  /** What is on its way. */
  readonly inFlight: ReadonlyMap<string, string>;
  readonly times: SyncTimes;
};

const WORST_FIRST: readonly SyncState[] = ["ERROR", "STALE", "NOT SENT", "SYNCED"];

/** How a proxy stands with what it is to run, kind by kind. */
export function describeKinds(wanted: Iterable<ProxyResource>, known: Known): ResourceKindSync[] {
  const byKind = Map.groupBy(wanted, ({ kind }) => kind);
  return ProxyResourceKind.options.map((kind) => describeKind(kind, byKind.get(kind) ?? [], known));
}

function describeKind(
  kind: ProxyResourceKind,
  resources: readonly ProxyResource[],
  known: Known,
): ResourceKindSync {
  const { times, refused } = known;
  const states = resources.map((resource) => stateOf(resource, known));
  const sync = WORST_FIRST.find((state) => states.includes(state)) ?? "NOT SENT";
  const lastSentMs = times.lastSentMs(kind);
  const lastAckedMs = times.lastAckedMs(kind);
  const refusedMs = resources.flatMap(({ key }) => refused.get(key)?.atMs ?? []);
  const sinceMs = {
    ERROR: Math.min(...refusedMs),
    STALE: lastSentMs,
    "NOT SENT": times.startedMs,
    SYNCED: lastAckedMs,
  }[sync];
  return {
    kind,
    sync,
    sinceMs: sinceMs ?? times.startedMs,
    total: resources.length,
    acked: states.filter((state) => state === "SYNCED").length,
    ...(lastSentMs === undefined ? {} : { lastSentMs }),
    ...(lastAckedMs === undefined ? {} : { lastAckedMs }),
  };
}

function stateOf({ key, version }: ProxyResource, { have, refused, inFlight }: Known): SyncState {
  if (have.get(key) === version) return "SYNCED";
  if (refused.get(key)?.version === version) return "ERROR";
  return inFlight.has(key) || have.has(key) ? "STALE" : "NOT SENT";
}
