import type { TurnedAwayCaller, TurnedAwayReason } from "@heddle/contracts/control-stream";
import { formatId, type WorkloadId } from "@heddle/mesh";

/** Callers told apart; further ones count as `other`, one entry for each workload and reason. */
const MAX_CALLERS = 900;
/** What a message to the control plane may hold. */
const MAX_ENTRIES = 1_000;

type Entry = { -readonly [Key in keyof TurnedAwayCaller]: TurnedAwayCaller[Key] };

/**
 * Who was refused for what it is, or would be if STRICT held, since the proxy's start: opaque connections and
 * handshakes by connection, plaintext HTTP by request.
 */
export class TurnedAway {
  /** Grows with each count. */
  count = 0;
  readonly #entries = new Map<string, Entry>();

  /** Returns the address it was counted under. `isRefused` false: it was served. */
  note(
    workload: WorkloadId,
    address: string,
    reason: TurnedAwayReason,
    isRefused: boolean,
    nowMs: number,
  ): string {
    const entry = this.#entryOf(workload, address, reason);
    if (entry === undefined) return "other";
    this.count += 1;
    entry.lastSeenMs = nowMs;
    if (isRefused) entry.refused += 1;
    else entry.wouldBeRefused += 1;
    return entry.sourceAddress;
  }

  /** Those of the last minutes first. */
  get all(): TurnedAwayCaller[] {
    return [...this.#entries.values()]
      .map((entry) => ({ ...entry }))
      .sort((a, b) => b.lastSeenMs - a.lastSeenMs);
  }

  #entryOf(workload: WorkloadId, address: string, reason: TurnedAwayReason): Entry | undefined {
    const whose = `${formatId(workload)} ${reason} `;
    const known = this.#entries.get(whose + address);
    if (known !== undefined) return known;
    const isFull = this.#entries.size >= MAX_CALLERS;
    if (isFull && address !== "other") return this.#entryOf(workload, "other", reason);
    if (this.#entries.size >= MAX_ENTRIES) return undefined;
    const { namespace, name } = workload;
    const entry: Entry = {
      workload: { namespace, name },
      sourceAddress: address,
      reason,
      refused: 0,
      wouldBeRefused: 0,
      lastSeenMs: 0,
    };
    this.#entries.set(whose + address, entry);
    return entry;
  }
}
