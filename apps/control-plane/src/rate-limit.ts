/** How often one caller may do something: `burst` at once, then `perSecond`. */
export type RateLimit = { readonly burst: number; readonly perSecond: number };

const MAX_CALLERS = 10_000;

/** A token bucket per caller, for at most 10 000 callers; the longest quiet one makes room. */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /** Takes `cost` tokens of the caller's; `false`: there were not enough. */
  take(caller: string, nowMs: number, cost = 1): boolean {
    const bucket = this.#buckets.get(caller) ?? { tokens: this.#limit.burst, atMs: nowMs };
    const refilled = bucket.tokens + ((nowMs - bucket.atMs) / 1000) * this.#limit.perSecond;
    const tokens = Math.min(this.#limit.burst, refilled);
    const isAllowed = tokens >= cost;
    this.#buckets.delete(caller); // put back last: the map's order is the order of last use
    this.#buckets.set(caller, { tokens: isAllowed ? tokens - cost : tokens, atMs: nowMs });
    if (this.#buckets.size > MAX_CALLERS) this.#dropOldest();
    return isAllowed;
  }

  #dropOldest(): void {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
