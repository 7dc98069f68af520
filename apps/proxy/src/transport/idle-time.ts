/** What is left between our closing and the peer's: a request must not cross with its FIN. */
const MARGIN_MS = 1_000;
const LEAST_MS = 100;
/** A peer that was hasty may have other settings after its next start. */
const MEMORY_MS = 600_000;
/** A peer that ends closes all connections at once, whatever their age; a hasty one each at the same age. */
const APART_MS = 200;
const SAME_AGE_RATIO = 0.8;

/**
 * How long connections to one peer may lie idle before they are closed here: always shorter than the
 * peer lets them, or a request meets a connection that is just being closed (the 503 UC of keep-alive
 * races). Begins with a standard, and follows what the peer says (`Keep-Alive: timeout=5`) and does.
 */
export class IdleTime {
  readonly #standardMs: number;
  #toldMs = Number.POSITIVE_INFINITY;
  #seenMs = Number.POSITIVE_INFINITY;
  #forgetAtMs = 0;
  #lastAgeMs = 0;
  #lastAtMs = Number.NEGATIVE_INFINITY;

  constructor(standardMs: number) {
    this.#standardMs = standardMs;
  }

  ms(nowMs: number): number {
    if (nowMs >= this.#forgetAtMs) this.#seenMs = Number.POSITIVE_INFINITY;
    return Math.max(LEAST_MS, Math.min(this.#standardMs, this.#toldMs, this.#seenMs));
  }

  /** The peer says how long it keeps idle connections: the value of a `Keep-Alive` field. */
  told(keepAlive: string): void {
    const seconds = /(?:^|[\s,;])timeout\s*=\s*"?(\d{1,6})/i.exec(keepAlive)?.[1];
    if (seconds !== undefined) this.#toldMs = within(Number(seconds) * 1_000);
  }

  /** The peer has closed a connection that had been idle for `idleMs`. */
  closedAfter(idleMs: number, nowMs: number): void {
    const isAgain =
      nowMs - this.#lastAtMs >= APART_MS &&
      Math.min(idleMs, this.#lastAgeMs) >= SAME_AGE_RATIO * Math.max(idleMs, this.#lastAgeMs);
    this.#lastAgeMs = idleMs;
    this.#lastAtMs = nowMs;
    if (!isAgain) return;
    this.#seenMs = Math.min(this.#seenMs, within(idleMs));
    this.#forgetAtMs = nowMs + MEMORY_MS;
  }
}

/** Short times keep half of themselves. */
function within(ms: number): number {
  return Math.max(ms - MARGIN_MS, ms / 2);
}
