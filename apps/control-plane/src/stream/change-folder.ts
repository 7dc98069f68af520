/** A change that comes after so long without one goes out at once. */
const QUIET_MS = 200;
/** While changes keep coming, the pauses between pushes double from the first to the last of these. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 200;

/**
 * Folds a burst of changes into few pushes: the first is handed on at once, so that a single change never waits, and
 * what follows is handed on together after pauses that grow while the burst lasts.
 */
export class ChangeFolder {
  readonly #handOn: (keys: ReadonlySet<string>) => void;
  readonly #nowMs: () => number;
  #waiting = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(handOn: (keys: ReadonlySet<string>) => void, nowMs = () => performance.now()) {
    this.#handOn = handOn;
    this.#nowMs = nowMs;
  }

  add(keys: Iterable<string>): void {
    for (const key of keys) this.#waiting.add(key);
    if (this.#timer !== undefined || this.#waiting.size === 0) return;
    const sinceMs = this.#nowMs() - this.#lastMs;
    if (sinceMs >= QUIET_MS) {
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#flush();
      return;
    }
    this.#timer = setTimeout(() => this.#flush(), Math.max(0, this.#pauseMs - sinceMs));
    this.#timer.unref();
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastMs = this.#nowMs();
    const waiting = this.#waiting;
    this.#waiting = new Set();
    this.#handOn(waiting);
  }
}
