import type { StoredGuard, StoredGuardCaller } from "@heddle/store";
import { callerKey, type TurnedAwayEntry } from "./turned-away.ts";

/** A change of modes reaches the proxies, and their refusals us, within this time. */
const SETTLING_MS = 3000;
const MAX_CALLERS = 20;

type Counted = { last: number; counted: number; lastSeenMs: number; entry: TurnedAwayEntry };

/**
 * How many tries were refused since a flip, and because of it: what a proxy had counted before does not
 * count, nor does a caller that was refused before the flip for the same reason. A proxy that starts again
 * counts from 0.
 */
export class GuardCount {
  readonly #guard: StoredGuard;
  readonly #excluded: ReadonlySet<string>;
  readonly #counts = new Map<string, Counted>();

  constructor(guard: StoredGuard) {
    this.#guard = guard;
    this.#excluded = new Set(guard.excluded);
  }

  /** Takes what a proxy has counted; `false`: nothing that matters to this guard. */
  take(entry: TurnedAwayEntry): boolean {
    const caller = callerKey(entry);
    if (this.#excluded.has(caller)) return false;
    const key = `${entry.proxyId} ${caller}`;
    const known = this.#counts.get(key);
    const last = known?.last ?? this.#baselineOf(key, entry);
    const grown = entry.refused >= last ? entry.refused - last : entry.refused;
    if (grown === 0 && known === undefined) {
      this.#counts.set(key, { last, counted: 0, lastSeenMs: entry.lastSeenMs, entry });
      return false;
    }
    this.#counts.set(key, {
      last: entry.refused,
      counted: (known?.counted ?? 0) + grown,
      lastSeenMs: entry.lastSeenMs,
      entry,
    });
    return grown > 0;
  }

  /** Never less than what was counted before this control plane took over. */
  get refused(): number {
    let sum = 0;
    for (const { counted } of this.#counts.values()) sum += counted;
    return Math.max(sum, this.#guard.refused);
  }

  /** Most refusals first, all proxies together. */
  get callers(): StoredGuardCaller[] {
    const callers = new Map<string, StoredGuardCaller>();
    for (const { counted, lastSeenMs, entry } of this.#counts.values()) {
      if (counted === 0) continue;
      const { workload, sourceAddress, reason } = entry;
      const before = callers.get(callerKey(entry));
      callers.set(callerKey(entry), {
        workload,
        sourceAddress,
        reason,
        refused: counted + (before?.refused ?? 0),
        lastSeenMs: Math.max(lastSeenMs, before?.lastSeenMs ?? 0),
      });
    }
    if (callers.size === 0) return [...this.#guard.callers];
    return [...callers.values()].sort((a, b) => b.refused - a.refused).slice(0, MAX_CALLERS);
  }

  /** A proxy that had not spoken before the flip tells of earlier refusals, too, unless one is younger. */
  #baselineOf(key: string, entry: TurnedAwayEntry): number {
    const known = this.#guard.baseline[key];
    if (known !== undefined) return known;
    return entry.lastSeenMs <= this.#guard.startedAtMs ? entry.refused : 0;
  }
}

/** What the proxies had refused at these workloads when the flip was made; `modeSinceMs`: of the mode before it. */
export function baselineOf(
  entries: readonly TurnedAwayEntry[],
  isFlipped: (workload: string) => boolean,
  modeSinceMs: number,
): Pick<StoredGuard, "baseline" | "excluded"> {
  const flipped = entries.filter(({ workload, refused }) => refused > 0 && isFlipped(workload));
  return {
    baseline: Object.fromEntries(
      flipped.map((one) => [`${one.proxyId} ${callerKey(one)}`, one.refused]),
    ),
    // A mode that is not STRICT never refuses plaintext, so that reason always comes from the flip.
    excluded: flipped
      .filter(({ reason }) => reason !== "plaintext")
      .filter(({ refusedAtMs }) => refusedAtMs > modeSinceMs + SETTLING_MS)
      .map(callerKey),
  };
}
