import type { LabelSet } from "./series-labels.ts";

/** The series every label set beyond the limit is counted in. */
const OVERFLOW_LABELS: LabelSet = [["otel_metric_overflow", "true"]];

/**
 * Label sets by index. Indexes are given out in order and never taken back, so whoever holds one may
 * keep it. At most `limit` label sets; all further ones share index 0, as OpenTelemetry's overflow
 * attribute has it, and are counted.
 */
export class SeriesTable {
  readonly #limit: number;
  readonly #indexes = new Map<string, number>();
  readonly #labels: LabelSet[] = [OVERFLOW_LABELS];
  #overflowed = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** With the overflow series. */
  get count(): number {
    return this.#labels.length;
  }

  /** How often a label set found no room. */
  get overflowed(): number {
    return this.#overflowed;
  }

  labels(index: number): LabelSet {
    return this.#labels[index] ?? OVERFLOW_LABELS;
  }

  indexOf(labels: LabelSet): number {
    const key = labels.flat().join("\0");
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    if (this.#indexes.size >= this.#limit) {
      this.#overflowed += 1;
      return 0;
    }
    const index = this.#labels.push(labels) - 1;
    this.#indexes.set(key, index);
    return index;
  }
}
