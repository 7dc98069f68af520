import type { RateLimit } from "./rate-limit.ts";

/** Buckets one limit keeps at most; further keys share one. */
export const MAX_RATE_LIMIT_KEYS = 10_000;
const SWEPT_PER_NEW_KEY = 16;
const MAX_KEY_LENGTH = 128;

/** What a limit says of one request. The limiter fills one object anew each time; read it at once. */
export type RateLimitVerdict = {
  readonly isAllowed: boolean;
  /** Whole requests that would be allowed right now. */
  readonly remaining: number;
  /** Until the bucket is full again. */
  readonly resetMs: number;
  /** Until the next request is allowed; 0: now. `Infinity`: never. */
  readonly retryAfterMs: number;
};
type Bucket = { fullAtMs: number };

/**
 * Token buckets of one limit, one per key. A bucket is kept as the time at which it will be full again
 * (the GCRA of ATM, the same decisions as counting tokens), so that nothing has to be refilled. The
 * number of keys is bounded: a new one takes the place of a full bucket, and while none is found it
 * shares the bucket of those that came too many, so that nobody wins by sending ever new keys. The
 * clock is an argument.
 */
export class RateLimiter {
  /** One request's share of the window. */
  readonly #intervalMs: number;
  readonly #burst: number;
  readonly #maxKeys: number;
  readonly #buckets = new Map<string, Bucket>();
  readonly #overflow: Bucket = { fullAtMs: 0 };
  readonly #verdict = { isAllowed: false, remaining: 0, resetMs: 0, retryAfterMs: 0 };

  constructor(
    limit: Pick<RateLimit, "requests" | "windowMs" | "burst">,
    maxKeys = MAX_RATE_LIMIT_KEYS,
  ) {
    this.#intervalMs = limit.windowMs / limit.requests;
    this.#burst = limit.burst;
    this.#maxKeys = maxKeys;
  }

  /** How many keys have a bucket of their own. */
  get keyCount(): number {
    return this.#buckets.size;
  }

  /** Takes one request out of the key's bucket, if it holds one; `""` for a limit without a key. */
  take(key: string, nowMs: number): RateLimitVerdict {
    const verdict = this.#verdict;
    if (this.#intervalMs === Number.POSITIVE_INFINITY) {
      verdict.retryAfterMs = Number.POSITIVE_INFINITY;
      return verdict;
    }
    const bucket = this.#bucketOf(key, nowMs);
    const capacityMs = this.#burst * this.#intervalMs;
    const usedMs = Math.max(0, bucket.fullAtMs - nowMs);
    verdict.isAllowed = usedMs + this.#intervalMs <= capacityMs + ROUNDING_MS;
    const usedAfterMs = verdict.isAllowed ? usedMs + this.#intervalMs : usedMs;
    if (verdict.isAllowed) bucket.fullAtMs = nowMs + usedAfterMs;
    const freeMs = capacityMs - usedAfterMs + ROUNDING_MS;
    verdict.remaining = Math.max(0, Math.floor(freeMs / this.#intervalMs));
    verdict.resetMs = usedAfterMs;
    verdict.retryAfterMs = Math.max(0, this.#intervalMs - (capacityMs - usedAfterMs));
    return verdict;
  }

  #bucketOf(key: string, nowMs: number): Bucket {
    const short = key.length > MAX_KEY_LENGTH ? digest(key) : key;
    const known = this.#buckets.get(short);
    if (known !== undefined) return known;
    if (this.#buckets.size >= this.#maxKeys && !this.#makeRoom(nowMs)) return this.#overflow;
    const made = { fullAtMs: nowMs };
    this.#buckets.set(short, made);
    return made;
  }

  /** Looks at a few of the oldest: full ones go, others move behind the youngest. */
  #makeRoom(nowMs: number): boolean {
    let looked = 0;
    for (const [key, bucket] of this.#buckets) {
      if (++looked > SWEPT_PER_NEW_KEY) break;
      this.#buckets.delete(key);
      if (bucket.fullAtMs > nowMs) this.#buckets.set(key, bucket);
    }
    return this.#buckets.size < this.#maxKeys;
  }
}

/** Sums of thirds and sevenths of a window must not cost a request. */
const ROUNDING_MS = 1e-6;

/** 64 bits of FNV-1a in two halves: a long header must not be held for each key. */
function digest(key: string): string {
  let high = 0x811c9dc5;
  let low = 0x01000193;
  for (let index = 0; index < key.length; index++) {
    const code = key.charCodeAt(index);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ (code + index), 0x85ebca6b);
  }
  return `#${key.length}:${(high >>> 0).toString(36)}${(low >>> 0).toString(36)}`;
}
