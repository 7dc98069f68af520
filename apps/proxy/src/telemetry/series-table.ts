import type { LabelSet } from "./series-labels.ts";

/** The series every label set beyond the limit is counted in. */
const OVERFLOW_LABELS: LabelSet = [["otel_metric_overflow", "true"]];
/** What a full table takes back before it counts something as overflow. */
const LEAST_IDLE_MS = 60_000;
const FULL_SWEEP_MS = 10_000;

/** The counters behind the slots, as far as their life goes. */
export type SlotCounters = {
  /** Something that differs whenever the slot has counted since the last look. */
  activityOf(slot: number): number;
  /** Someone holds the slot for longer than one call: an open connection. */
  isHeld(slot: number): boolean;
  clear(slot: number): void;
};

/**
 * Label sets by slot. A slot that has counted nothing for `idleMs` is given up and may get other
 * labels, so whoever keeps slots between calls drops them when `epoch` has changed. At most `limit`
 * label sets; all further ones share slot 0, as OpenTelemetry's overflow attribute has it, and are
 * counted.
 */
export class SeriesTable {
  readonly #limit: number;
  readonly #idleMs: number;
  readonly #counters: SlotCounters;
  readonly #slots = new Map<string, number>();
  /** `undefined`: free. */
  readonly #labels: (LabelSet | undefined)[] = [OVERFLOW_LABELS];
  readonly #keys: string[] = [""];
  /** How often the slot has been given up. */
  readonly #versions: number[] = [0];
  readonly #free: number[] = [];
  readonly #seenActivity: number[] = [0];
  readonly #activeMs: number[] = [0];
  #overflowed = 0;
  #epoch = 0;
  #fullSweepMs = Number.NEGATIVE_INFINITY;

  constructor(limit: number, idleMs: number, counters: SlotCounters) {
    this.#limit = limit;
    this.#idleMs = idleMs;
    this.#counters = counters;
  }

  /** Grows whenever a slot is given up. */
  get epoch(): number {
    return this.#epoch;
  }

  /** One more than the highest slot ever used. */
  get slotCount(): number {
    return this.#labels.length;
  }

  /** Label sets in use, without the overflow's. */
  get count(): number {
    return this.#slots.size;
  }

  /** How often a label set found no room. */
  get overflowed(): number {
    return this.#overflowed;
  }

  /** `undefined`: nobody uses the slot. */
  labels(slot: number): LabelSet | undefined {
    return this.#labels[slot];
  }

  /** Differs once the slot was given up: its counters began anew. */
  versionOf(slot: number): number {
    return this.#versions[slot] ?? 0;
  }

  slotOf(labels: LabelSet, nowMs: number): number {
    const key = labels.flat().join("\0");
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    if (this.#slots.size >= this.#limit && !this.#makeRoom(nowMs)) {
      this.#overflowed += 1;
      return 0;
    }
    const slot = this.#free.pop() ?? this.#labels.length;
    this.#labels[slot] = labels;
    this.#keys[slot] = key;
    this.#versions[slot] ??= 0;
    this.#seenActivity[slot] = -1;
    this.#activeMs[slot] = nowMs;
    this.#slots.set(key, slot);
    return slot;
  }

  /** Gives up what has been idle for long. Never within a call that uses slots. */
  sweep(nowMs: number): void {
    this.#giveUpIdle(nowMs, this.#idleMs);
  }

  #makeRoom(nowMs: number): boolean {
    if (nowMs < this.#fullSweepMs + FULL_SWEEP_MS) return false;
    this.#fullSweepMs = nowMs;
    this.#giveUpIdle(nowMs, Math.min(LEAST_IDLE_MS, this.#idleMs));
    return this.#slots.size < this.#limit;
  }

  #giveUpIdle(nowMs: number, idleMs: number): void {
    const counters = this.#counters;
    for (let slot = 1; slot < this.#labels.length; slot++) {
      if (this.#labels[slot] === undefined) continue;
      const activity = counters.activityOf(slot);
      if (activity !== this.#seenActivity[slot]) {
        this.#seenActivity[slot] = activity;
        this.#activeMs[slot] = nowMs;
      } else if (nowMs - (this.#activeMs[slot] as number) >= idleMs && !counters.isHeld(slot)) {
        this.#giveUp(slot);
      }
    }
  }

  #giveUp(slot: number): void {
    this.#slots.delete(this.#keys[slot] as string);
    this.#labels[slot] = undefined;
    this.#keys[slot] = "";
    this.#versions[slot] = this.versionOf(slot) + 1;
    this.#free.push(slot);
    this.#counters.clear(slot);
    this.#epoch += 1;
  }
}
