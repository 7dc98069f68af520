import type { NewSpan } from "@heddle/store";
import type { EdgeRecord } from "./traffic-memory.ts";

/** A span on its way to the database; its edge gets an id there only when it is written. */
export type QueuedSpan = Omit<NewSpan, "edgeId"> & { readonly edge: EdgeRecord | undefined };

export type SpanQueueLimits = { readonly maxSpans: number; readonly maxBytes: number };

const SPAN_OVERHEAD_BYTES = 300;

/** Spans that wait for the database. When it is full the oldest go and are counted: receiving never waits. */
export class SpanQueue {
  readonly #limits: SpanQueueLimits;
  #spans: (QueuedSpan | undefined)[] = [];
  #start = 0;
  #bytes = 0;
  dropped = 0;

  constructor(limits: SpanQueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#spans.length - this.#start;
  }

  push(span: QueuedSpan): void {
    this.#spans.push(span);
    this.#bytes += bytesOf(span);
    this.#trim();
  }

  /** Takes out the oldest, at most `max`. */
  take(max: number): QueuedSpan[] {
    const taken: QueuedSpan[] = [];
    while (taken.length < max) {
      const span = this.#shift();
      if (span === undefined) break;
      taken.push(span);
    }
    return taken;
  }

  /** Puts back, in front, what the database did not take. */
  putBack(spans: readonly QueuedSpan[]): void {
    this.#spans = [...spans, ...this.#spans.slice(this.#start)];
    this.#start = 0;
    for (const span of spans) this.#bytes += bytesOf(span);
    this.#trim();
  }

  #trim(): void {
    while (this.size > this.#limits.maxSpans || this.#bytes > this.#limits.maxBytes) {
      if (this.#shift() === undefined) return;
      this.dropped += 1;
    }
  }

  #shift(): QueuedSpan | undefined {
    const span = this.#spans[this.#start];
    if (span === undefined) return undefined;
    this.#spans[this.#start] = undefined;
    this.#start += 1;
    this.#bytes -= bytesOf(span);
    if (this.#start > 1024 && this.#start * 2 > this.#spans.length) {
      this.#spans = this.#spans.slice(this.#start);
      this.#start = 0;
    }
    return span;
  }
}

function bytesOf(span: QueuedSpan): number {
  return SPAN_OVERHEAD_BYTES + span.attributesJson.length * 2 + span.operation.length * 2;
}
