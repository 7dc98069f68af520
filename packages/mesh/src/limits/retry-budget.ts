const SLOT_MS = 1000;
const SLOT_COUNT = 10;

/** The default: retries may be 20 % of the requests, and three a second whatever the traffic. */
export const DEFAULT_RETRY_RATIO = 0.2;
export const DEFAULT_RETRIES_PER_SECOND = 3;

/**
 * Bounds the traffic that retries add to one destination: over the last ten seconds at most `ratio`
 * of the requests, plus `perSecond` for each second, so that few requests can be repeated too. As
 * Linkerd's and Finagle's, and unlike Envoy's, it counts requests instead of those under way: when
 * everything fails at once nothing is under way for long, and a bound on concurrency lets traffic
 * double (decision 68). The clock is an argument and must not run backwards.
 */
export class RetryBudgetLedger {
  readonly #ratio: number;
  readonly #reserve: number;
  readonly #requests = new Int32Array(SLOT_COUNT);
  readonly #retries = new Int32Array(SLOT_COUNT);
  #requestSum = 0;
  #retrySum = 0;
  #slot = 0;

  constructor(ratio = DEFAULT_RETRY_RATIO, perSecond = DEFAULT_RETRIES_PER_SECOND) {
    this.#ratio = ratio;
    this.#reserve = (perSecond * SLOT_COUNT * SLOT_MS) / 1000;
  }

  /** Each request once, its retries not. */
  onRequest(nowMs: number): void {
    const index = this.#advance(nowMs);
    this.#requests[index] = (this.#requests[index] as number) + 1;
    this.#requestSum++;
  }

  /** Takes one retry out of the budget. False: it is spent, the outcome goes to the caller as it is. */
  tryRetry(nowMs: number): boolean {
    const index = this.#advance(nowMs);
    if (this.#retrySum + 1 > this.#requestSum * this.#ratio + this.#reserve) return false;
    this.#retries[index] = (this.#retries[index] as number) + 1;
    this.#retrySum++;
    return true;
  }

  #advance(nowMs: number): number {
    const slot = Math.floor(nowMs / SLOT_MS);
    if (slot > this.#slot) this.#forget(slot);
    return this.#slot % SLOT_COUNT;
  }

  #forget(slot: number): void {
    const first = Math.max(this.#slot + 1, slot - SLOT_COUNT + 1);
    for (let old = first; old <= slot; old++) {
      const index = old % SLOT_COUNT;
      this.#requestSum -= this.#requests[index] as number;
      this.#retrySum -= this.#retries[index] as number;
      this.#requests[index] = 0;
      this.#retries[index] = 0;
    }
    this.#slot = slot;
  }
}

/**
 * Envoy's retry budget, for a DestinationRule that asks for one (it holds beside the ledger): retries
 * under way stay below `ratio` of the requests under way, or below `minConcurrency` if that is more.
 */
export function hasRetryRoom(
  budget: { readonly ratio: number; readonly minConcurrency: number },
  activeRequests: number,
  activeRetries: number,
): boolean {
  return activeRetries < Math.max(budget.minConcurrency, Math.floor(budget.ratio * activeRequests));
}
