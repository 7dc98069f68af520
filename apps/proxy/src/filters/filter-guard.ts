/** So many overruns within this time, and the filter is switched off for a while. */
const MAX_OVERRUNS = 5;
const OVERRUN_WINDOW_MS = 10_000;
const OFF_MS = 60_000;

/**
 * Whether a filter may still be called. While it holds the proxy's thread every other request waits, so
 * one that does so again and again is switched off; after a minute it gets another chance.
 *
 *   on → off (`MAX_OVERRUNS` within `OVERRUN_WINDOW_MS`)    off → on (`OFF_MS` later)
 */
export class FilterGuard {
  #overruns = 0;
  #sinceMs = 0;
  #offUntilMs = 0;

  isOff(nowMs: number): boolean {
    return nowMs < this.#offUntilMs;
  }

  /** How long it stays off; 0: it is on. */
  offForMs(nowMs: number): number {
    return Math.max(0, this.#offUntilMs - nowMs);
  }

  /** True: this one switched it off. */
  noteOverrun(nowMs: number): boolean {
    if (nowMs - this.#sinceMs > OVERRUN_WINDOW_MS) {
      this.#sinceMs = nowMs;
      this.#overruns = 0;
    }
    if (++this.#overruns < MAX_OVERRUNS) return false;
    this.#overruns = 0;
    this.#offUntilMs = nowMs + OFF_MS;
    return true;
  }
}
