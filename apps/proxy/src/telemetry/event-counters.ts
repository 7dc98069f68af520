import type { EventCounter } from "../core/traffic-recorder.ts";
import type { LabelSet } from "./series-labels.ts";

/** One counter of Heddle's own, as exporters read it. Whoever holds one may keep it for ever. */
export class CountedEvent implements EventCounter {
  readonly name: string;
  readonly labels: LabelSet;
  /** Since it began. */
  total = 0;
  /** What windows have told of `total`. */
  exported = 0;
  seen = -1;
  activeMs: number;
  /** Set when it was given up: takes it back, or says who counts in its place. */
  revive: (() => CountedEvent) | undefined;

  constructor(name: string, labels: LabelSet, nowMs: number) {
    this.name = name;
    this.labels = labels;
    this.activeMs = nowMs;
  }

  add(count: number): void {
    if (this.revive === undefined) this.total += count;
    else this.revive().total += count;
  }
}

/** Heddle's own counters; beyond `limit` label sets all further ones count as one, per name. */
export class EventCounters {
  readonly #limit: number;
  readonly #idleMs: number;
  readonly #counters = new Map<string, CountedEvent>();

  constructor(limit: number, idleMs: number) {
    this.#limit = limit;
    this.#idleMs = idleMs;
  }

  get all(): IterableIterator<CountedEvent> {
    return this.#counters.values();
  }

  counter(name: string, labels: Readonly<Record<string, string>>, nowMs: number): CountedEvent {
    const key = `${name} ${JSON.stringify(labels)}`;
    const known = this.#counters.get(key);
    if (known !== undefined) return known;
    const isOverflow =
      this.#counters.size >= this.#limit && labels["otel_metric_overflow"] === undefined;
    if (isOverflow) return this.counter(name, { otel_metric_overflow: "true" }, nowMs);
    const made = new CountedEvent(name, Object.entries(labels), nowMs);
    this.#counters.set(key, made);
    return made;
  }

  /** Gives up what has counted nothing for long; its holders' next count takes it back. */
  sweep(nowMs: number): void {
    for (const [key, counter] of this.#counters) {
      if (counter.total !== counter.seen) {
        counter.seen = counter.total;
        counter.activeMs = nowMs;
      } else if (nowMs - counter.activeMs >= this.#idleMs && counter.exported === counter.total) {
        this.#counters.delete(key);
        counter.revive = () => this.#takeBack(key, counter);
      }
    }
  }

  #takeBack(key: string, counter: CountedEvent): CountedEvent {
    const other = this.#counters.get(key);
    if (other !== undefined) return other;
    if (this.#counters.size >= this.#limit) {
      return this.counter(counter.name, { otel_metric_overflow: "true" }, counter.activeMs);
    }
    counter.revive = undefined;
    counter.total = 0;
    counter.exported = 0;
    counter.seen = -1;
    this.#counters.set(key, counter);
    return counter;
  }
}
