/** Requests remembered at once; beyond, the oldest is forgotten and its onward calls keep their own deadlines. */
const MAX_DEADLINES = 16_384;

/**
 * Until when somebody waits for the requests a workload is working on, so that the calls it makes for
 * them end then too. The inbound side notes a request under the span it hands to the app; an app that
 * passes the trace context on makes its calls under that span, or under one of its own in the same
 * trace. Times are `performance.now()`'s.
 */
export class DeadlineRegistry {
  readonly #bySpan = new Map<string, { readonly traceId: string; readonly atMs: number }>();
  /** Of the requests of one trace under way here, the one somebody waits longest for. */
  readonly #byTrace = new Map<string, number>();

  /** Nothing is known: there is no need to ask. */
  get isEmpty(): boolean {
    return this.#bySpan.size === 0;
  }

  /** A request that has to be answered until `atMs` is handed to the app with this span as parent. */
  note(traceId: string, spanId: string, atMs: number): void {
    if (this.#bySpan.size >= MAX_DEADLINES) this.#forgetOldest();
    this.#bySpan.set(spanId, { traceId, atMs });
    this.#byTrace.set(traceId, Math.max(atMs, this.#byTrace.get(traceId) ?? 0));
  }

  /** The request is answered, or given up. */
  forget(spanId: string): void {
    const known = this.#bySpan.get(spanId);
    if (known === undefined) return;
    this.#bySpan.delete(spanId);
    // Another of the same trace may still be under way: its span finds its own deadline.
    if (this.#byTrace.get(known.traceId) === known.atMs) this.#byTrace.delete(known.traceId);
  }

  /** Until when a call with this trace context is of use; `undefined`: no end is known. */
  find(traceId: string, parentSpanId: string): number | undefined {
    return this.#bySpan.get(parentSpanId)?.atMs ?? this.#byTrace.get(traceId);
  }

  #forgetOldest(): void {
    const [oldest] = this.#bySpan.keys();
    if (oldest !== undefined) this.forget(oldest);
  }
}

const registries = new WeakMap<object, DeadlineRegistry>();

/** The registry that both sides of a hosted workload share. */
export function deadlinesOf(workload: object): DeadlineRegistry {
  let registry = registries.get(workload);
  if (registry === undefined) {
    registry = new DeadlineRegistry();
    registries.set(workload, registry);
  }
  return registry;
}
