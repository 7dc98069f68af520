import type { SpanRecord } from "../core/traffic-recorder.ts";

/** Spans that wait to be sent. When it is full the oldest goes and is counted. */
export class SpanRing {
  readonly #slots: (SpanRecord | undefined)[];
  #start = 0;
  #size = 0;
  #dropped = 0;

  constructor(capacity: number) {
    this.#slots = new Array<SpanRecord | undefined>(capacity).fill(undefined);
  }

  get size(): number {
    return this.#size;
  }

  get dropped(): number {
    return this.#dropped;
  }

  push(span: SpanRecord): void {
    const capacity = this.#slots.length;
    this.#slots[(this.#start + this.#size) % capacity] = span;
    if (this.#size < capacity) this.#size += 1;
    else {
      this.#start = (this.#start + 1) % capacity;
      this.#dropped += 1;
    }
  }

  /** Takes out the oldest, at most `limit`. */
  take(limit: number): SpanRecord[] {
    const capacity = this.#slots.length;
    const taken: SpanRecord[] = [];
    while (taken.length < limit && this.#size > 0) {
      taken.push(this.#slots[this.#start] as SpanRecord);
      this.#slots[this.#start] = undefined;
      this.#start = (this.#start + 1) % capacity;
      this.#size -= 1;
    }
    return taken;
  }
}
