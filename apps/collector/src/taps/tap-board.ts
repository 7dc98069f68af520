import type { PartialSuccess, ResourceLogs, TapBatch, TapEvent } from "@heddle/contracts";
import { toTapEvent } from "./to-tap-event.ts";

const MAX_READERS = 64;
/** What waits for a reader that is slow; what is more is counted. */
const MAX_WAITING = 1_000;
const BATCH = 200;

/** Somebody who reads a tap: what has come and was not fetched yet, up to a bound. */
export class TapReader {
  /** Called when there is something to take. */
  onNews: () => void = () => {};
  readonly #maxPerSecond: number;
  readonly #now: () => number;
  #waiting: TapEvent[] = [];
  #notShown = 0;
  #secondStartMs = Number.NEGATIVE_INFINITY;
  #takenThisSecond = 0;

  /** `maxPerSecond` of all proxies together; `now` in ms, of any clock that never goes back. */
  constructor(maxPerSecond: number, now: () => number) {
    this.#maxPerSecond = maxPerSecond;
    this.#now = now;
  }

  push(event: TapEvent): void {
    const nowMs = this.#now();
    if (nowMs - this.#secondStartMs >= 1_000) {
      this.#secondStartMs = nowMs;
      this.#takenThisSecond = 0;
    }
    const isTooMany =
      this.#takenThisSecond >= this.#maxPerSecond || this.#waiting.length >= MAX_WAITING;
    if (isTooMany) this.#notShown += 1;
    else {
      this.#takenThisSecond += 1;
      this.#waiting.push(event);
    }
    this.onNews();
  }

  miss(count: number): void {
    this.#notShown += count;
    this.onNews();
  }

  /** `undefined`: nothing new. */
  take(): TapBatch | undefined {
    if (this.#waiting.length === 0 && this.#notShown === 0) return undefined;
    const batch = { events: this.#waiting.splice(0, BATCH), notShown: this.#notShown };
    this.#notShown = 0;
    return batch;
  }
}

/** Where tapped requests meet who reads them. Nothing is kept for a tap that nobody reads. */
export class TapBoard {
  readonly #readers = new Map<string, Set<TapReader>>();
  #count = 0;

  get readers(): number {
    return this.#count;
  }

  /** Returns how to stop; `undefined`: as many readers as can be served are here. */
  subscribe(tapId: string, reader: TapReader): (() => void) | undefined {
    if (this.#count >= MAX_READERS) return undefined;
    const readers = this.#readers.get(tapId) ?? new Set();
    this.#readers.set(tapId, readers.add(reader));
    this.#count += 1;
    return () => {
      if (!readers.delete(reader)) return;
      this.#count -= 1;
      if (readers.size === 0) this.#readers.delete(tapId);
    };
  }

  isRead(tapId: string): boolean {
    return this.#readers.has(tapId);
  }

  /** Records of proxies' taps go to their readers; others are not collected. */
  take(resources: readonly ResourceLogs[]): PartialSuccess {
    let rejected = 0;
    for (const { records } of resources) {
      for (const record of records) {
        const readers = this.#readersOf(record.attributes["heddle.tap.ids"]);
        if (record.eventName === "heddle.tap.not_shown") {
          const count = Number(record.attributes["heddle.tap.not_shown"]);
          if (Number.isSafeInteger(count) && count > 0) {
            for (const reader of readers) reader.miss(count);
          }
          continue;
        }
        const event = toTapEvent(record);
        if (event === undefined) rejected += 1;
        else for (const reader of readers) reader.push(event);
      }
    }
    const message =
      rejected === 0 ? "" : "logs are not collected, only requests somebody taps (heddle tap)";
    return { rejected, message };
  }

  #readersOf(tapIds: unknown): readonly TapReader[] {
    if (typeof tapIds !== "string") return [];
    return tapIds.split(",").flatMap((id) => [...(this.#readers.get(id) ?? [])]);
  }
}
