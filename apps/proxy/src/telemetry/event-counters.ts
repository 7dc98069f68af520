import type { EventCounter } from "../core/traffic-recorder.ts";
import type { LabelSet } from "./series-labels.ts";

/** One counter of Heddle's own, as exporters read it. */
export class CountedEvent implements EventCounter {
  readonly name: string;
  readonly labels: LabelSet;
  /** Since the start. */
  total = 0;

  constructor(name: string, labels: LabelSet) {
    this.name = name;
    this.labels = labels;
  }

  add(count: number): void {
    this.total += count;
  }
}

/** Heddle's own counters; beyond `limit` label sets all further ones count as one, per name. */
export class EventCounters {
  readonly #limit: number;
  readonly #counters = new Map<string, CountedEvent>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get all(): IterableIterator<CountedEvent> {
    return this.#counters.values();
  }

  counter(name: string, labels: Readonly<Record<string, string>>): CountedEvent {
    const key = `${name} ${JSON.stringify(labels)}`;
    const known = this.#counters.get(key);
    if (known !== undefined) return known;
    const isOverflow =
      this.#counters.size >= this.#limit && labels["otel_metric_overflow"] === undefined;
    if (isOverflow) return this.counter(name, { otel_metric_overflow: "true" });
    const made = new CountedEvent(name, Object.entries(labels));
    this.#counters.set(key, made);
    return made;
  }
}
