/** Something with a deadline; the clock calls it once the deadline has passed. */
export interface Watched {
  /** In the clock's milliseconds; `Infinity`: none. Set it freely, no call is needed. */
  deadlineMs: number;
  onDeadline(nowMs: number): void;
  /** Its place among the watched; the clock's own. */
  watchIndex: number;
}

const TICK_MS = 20;
/** Of the newest tick in the smoothed lag: one pause alone, be it of the machine, does not count as overload. */
const LAG_WEIGHT = 0.2;

/**
 * All deadlines of a proxy behind one timer: a request sets a number instead of making a timer. A
 * deadline is noticed up to 20 ms late. The timer runs only while something is watched, and never
 * keeps the process alive.
 */
export class DeadlineClock {
  /** Milliseconds since some moment, as of the last tick: good enough for deadlines. */
  nowMs = performance.now();
  /** How late ticks come, smoothed: what the event loop's other work makes everything wait. */
  lagMs = 0;
  readonly #watched: Watched[] = [];
  #timer: NodeJS.Timeout | undefined;

  watch(watched: Watched): void {
    if (watched.watchIndex >= 0) return;
    watched.watchIndex = this.#watched.push(watched) - 1;
    if (this.#timer === undefined) {
      this.nowMs = performance.now();
      this.lagMs = 0;
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
      this.#timer.unref();
    }
  }

  unwatch(watched: Watched): void {
    const index = watched.watchIndex;
    if (index < 0) return;
    watched.watchIndex = -1;
    const last = this.#watched.pop();
    if (last !== undefined && last !== watched) {
      this.#watched[index] = last;
      last.watchIndex = index;
    }
    if (this.#watched.length === 0 && this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #tick(): void {
    const nowMs = performance.now();
    const lateMs = Math.max(0, nowMs - this.nowMs - TICK_MS);
    this.lagMs += (lateMs - this.lagMs) * LAG_WEIGHT;
    this.nowMs = nowMs;
    // Backwards: a deadline that unwatches itself moves only what has had its turn.
    for (let index = this.#watched.length - 1; index >= 0; index--) {
      const watched = this.#watched[index];
      if (watched !== undefined && watched.deadlineMs <= nowMs) watched.onDeadline(nowMs);
    }
  }
}

/** The clock of this process's data path. */
export const processClock = new DeadlineClock();
