import type { TurnedAwayCaller } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";

/** What one proxy says of one caller at one workload, for one reason. */
export type TurnedAwayEntry = {
  readonly proxyId: string;
  readonly workload: string; // namespace/name
  readonly sourceAddress: string;
  readonly reason: TurnedAwayCaller["reason"];
  /** Since the proxy's start, as it counts. */
  readonly refused: number;
  readonly wouldBeRefused: number;
  readonly lastSeenMs: number;
  /** When `refused` last grew; 0: never, as far as is known. */
  readonly refusedAtMs: number;
};

/** A proxy tells at most 1000 callers at a time; those it has told of before are kept as well. */
const MAX_PER_PROXY = 4000;
const MAX_ADDRESS_LENGTH = 64;

/** Names a caller at a workload for a reason: `shop/cart 10.0.4.17 plaintext`. */
export function callerKey(one: Pick<TurnedAwayEntry, "workload" | "sourceAddress" | "reason">) {
  return `${one.workload} ${one.sourceAddress} ${one.reason}`;
}

/** Whom the inbound proxies have turned away, or would under STRICT. In memory alone: proxies tell it anew. */
export class TurnedAway {
  readonly #byProxy = new Map<string, Map<string, TurnedAwayEntry>>();

  /** Takes a proxy's word in, for `hosted` workloads only; `false`: nothing new. */
  note(
    proxyId: string,
    hosted: ReadonlySet<string>,
    callers: readonly TurnedAwayCaller[],
    nowMs: number,
  ): boolean {
    const known = this.#byProxy.get(proxyId) ?? new Map<string, TurnedAwayEntry>();
    this.#byProxy.set(proxyId, known);
    let isNew = false;
    for (const { workload: id, sourceAddress: address, ...caller } of callers) {
      const workload = formatId(id);
      if (!hosted.has(workload)) continue;
      const sourceAddress = address.slice(0, MAX_ADDRESS_LENGTH);
      const key = callerKey({ workload, sourceAddress, reason: caller.reason });
      const before = known.get(key);
      const hasGrown = caller.refused > (before?.refused ?? 0);
      const refusedAtMs = hasGrown ? refusalTime(caller, before, nowMs) : before?.refusedAtMs;
      isNew ||=
        before?.refused !== caller.refused || before.wouldBeRefused !== caller.wouldBeRefused;
      known.delete(key); // the last told of are the last to be dropped
      known.set(key, {
        proxyId,
        workload,
        sourceAddress,
        ...caller,
        refusedAtMs: refusedAtMs ?? 0,
      });
    }
    for (const key of known.keys()) {
      if (known.size <= MAX_PER_PROXY) break;
      known.delete(key);
    }
    return isNew;
  }

  /** The proxy has left for good. */
  forget(proxyId: string): void {
    this.#byProxy.delete(proxyId);
  }

  ofProxy(proxyId: string): Iterable<TurnedAwayEntry> {
    return this.#byProxy.get(proxyId)?.values() ?? [];
  }

  all(): TurnedAwayEntry[] {
    return [...this.#byProxy.values()].flatMap((known) => [...known.values()]);
  }
}

/** A proxy that speaks for the first time may tell of long ago. */
function refusalTime(
  caller: Pick<TurnedAwayCaller, "lastSeenMs">,
  before: TurnedAwayEntry | undefined,
  nowMs: number,
): number {
  return before ? nowMs : Math.min(nowMs, caller.lastSeenMs);
}
