/** How failures turn into waiting: none for the first `free`, then 1 s, 2 s, 4 s … up to `mostMs`. */
type Growth = { readonly free: number; readonly mostMs: number };
type Tally = { failures: number; lastMs: number };

const PAIR: Growth = { free: 5, mostMs: 900_000 };
const ADDRESS: Growth = { free: 20, mostMs: 900_000 };
/** Short: guessing at a name must not lock its owner out. */
const ACCOUNT: Growth = { free: 30, mostMs: 10_000 };
const FORGOTTEN_AFTER_MS = 3_600_000;
const MAX_KEPT = 10_000;
const FIRST_WAIT_MS = 1000;

/**
 * Makes guessing slow: by name and address together, by address alone (many names from one place), and a little
 * by name alone (many places at one name). The latter two never hold up a name at an address from where it has
 * logged in before: what others there or elsewhere do wrong is not its fault. An attempt counts as failed until it is known to be none, so that
 * many at once are no way around it.
 */
export class LoginThrottle {
  readonly #pairs = new Tallies();
  readonly #addresses = new Tallies();
  readonly #accounts = new Tallies();
  readonly #known = new Set<string>();

  /** Begins an attempt; otherwise how long to wait before the next, and the attempt must not be made. */
  begin(account: string, address: string, nowMs: number): number {
    const pair = pairOf(account, address);
    const own = this.#pairs.waitMs(pair, PAIR, nowMs);
    const others = Math.max(
      this.#addresses.waitMs(address, ADDRESS, nowMs),
      this.#accounts.waitMs(account, ACCOUNT, nowMs),
    );
    const waitMs = this.#known.has(pair) ? own : Math.max(own, others);
    if (waitMs > 0) return waitMs;
    this.#pairs.add(pair, nowMs);
    this.#addresses.add(address, nowMs);
    this.#accounts.add(account, nowMs);
    return 0;
  }

  /** The attempt was no failure after all. */
  succeeded(account: string, address: string): void {
    const pair = pairOf(account, address);
    this.#pairs.forget(pair);
    this.#addresses.takeBack(address);
    this.#accounts.takeBack(account);
    this.#known.delete(pair); // put back last: the set's order is the order of last use
    this.#known.add(pair);
    const [oldest] = this.#known;
    if (this.#known.size > MAX_KEPT && oldest !== undefined) this.#known.delete(oldest);
  }
}

/** Failures by key, of at most 10 000 keys; the longest quiet one makes room. */
class Tallies {
  readonly #tallies = new Map<string, Tally>();

  waitMs(key: string, { free, mostMs }: Growth, nowMs: number): number {
    const tally = this.#tallies.get(key);
    if (!tally || tally.failures < free || nowMs - tally.lastMs >= FORGOTTEN_AFTER_MS) return 0;
    const delayMs = Math.min(mostMs, FIRST_WAIT_MS * 2 ** (tally.failures - free));
    return Math.max(0, tally.lastMs + delayMs - nowMs);
  }

  add(key: string, nowMs: number): void {
    const before = this.#tallies.get(key);
    const isFresh = before !== undefined && nowMs - before.lastMs < FORGOTTEN_AFTER_MS;
    this.#tallies.delete(key);
    this.#tallies.set(key, { failures: (isFresh ? before.failures : 0) + 1, lastMs: nowMs });
    const [oldest] = this.#tallies.keys();
    if (this.#tallies.size > MAX_KEPT && oldest !== undefined) this.#tallies.delete(oldest);
  }

  takeBack(key: string): void {
    const tally = this.#tallies.get(key);
    if (tally) tally.failures = Math.max(0, tally.failures - 1);
  }

  forget(key: string): void {
    this.#tallies.delete(key);
  }
}

function pairOf(account: string, address: string): string {
  return `${address} ${account}`;
}
