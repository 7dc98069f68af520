/** How long a silent proxy holds the end of the window back. */
const ACTIVE_FOR_MS = 3000;
/** The window never ends longer ago than this, however late a proxy is. */
const MAX_LAG_MS = 4000;
const SECOND_MS = 1000;
const MAX_INSTANCES = 20_000;
const NANOS_PER_MS = 1_000_000n;

/**
 * The end of the last metric window folded in, per proxy. Windows of a proxy are contiguous (decision
 * 0006), so one that does not end later than the last is a repetition.
 */
export class WindowLog {
  readonly #lastEndUnixNano = new Map<string, bigint>();
  readonly #heardMs = new Map<string, number>();
  readonly #changed = new Set<string>();

  /** `undefined`: nothing was heard of it yet. */
  lastEnd(instanceId: string): bigint | undefined {
    return this.#lastEndUnixNano.get(instanceId);
  }

  advance(instanceId: string, endUnixNano: bigint, nowMs: number): void {
    this.#heardMs.set(instanceId, nowMs);
    const before = this.#lastEndUnixNano.get(instanceId);
    if (before !== undefined && endUnixNano <= before) return;
    this.#lastEndUnixNano.delete(instanceId); // to the end: the first is the one quiet for longest
    this.#lastEndUnixNano.set(instanceId, endUnixNano);
    this.#changed.add(instanceId);
    if (this.#lastEndUnixNano.size > MAX_INSTANCES) this.#forgetOldest();
  }

  /** An empty push: the proxy lives and has counted nothing, so nothing needs waiting for. */
  markQuiet(instanceId: string): void {
    this.#heardMs.delete(instanceId);
  }

  /** Takes over what an earlier run has saved. */
  restore(windows: ReadonlyMap<string, bigint>): void {
    for (const [instanceId, end] of windows) {
      const known = this.#lastEndUnixNano.get(instanceId);
      if (known === undefined || known < end) this.#lastEndUnixNano.set(instanceId, end);
    }
  }

  /** What has changed since the last call. */
  takeChanged(): Map<string, bigint> {
    const changed = new Map<string, bigint>();
    for (const id of this.#changed) {
      const end = this.#lastEndUnixNano.get(id);
      if (end !== undefined) changed.set(id, end);
    }
    this.#changed.clear();
    return changed;
  }

  markChanged(instanceIds: Iterable<string>): void {
    for (const id of instanceIds) this.#changed.add(id);
  }

  /**
   * The end of the last second that every active proxy has reported whole. Rates over windows that end
   * here are right; over windows that end now they would lack what is still on its way.
   */
  completeUntilMs(nowMs: number): number {
    let untilMs = Number.POSITIVE_INFINITY;
    for (const [instanceId, heardMs] of this.#heardMs) {
      if (heardMs < nowMs - ACTIVE_FOR_MS) {
        this.#heardMs.delete(instanceId);
        continue;
      }
      const end = this.#lastEndUnixNano.get(instanceId);
      if (end !== undefined) untilMs = Math.min(untilMs, Number(end / NANOS_PER_MS));
    }
    const latest = Number.isFinite(untilMs) ? Math.min(untilMs, nowMs) : nowMs - SECOND_MS;
    return Math.floor(Math.max(latest, nowMs - MAX_LAG_MS) / SECOND_MS) * SECOND_MS;
  }

  #forgetOldest(): void {
    const oldest = this.#lastEndUnixNano.keys().next().value;
    if (oldest === undefined) return;
    this.#lastEndUnixNano.delete(oldest);
    this.#heardMs.delete(oldest);
    this.#changed.delete(oldest);
  }
}
