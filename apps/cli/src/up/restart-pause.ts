const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;
/** A process that ran this long was well; its next death starts from the shortest pause again. */
const SOUND_RUN_MS = 30_000;

/** How long to wait before a dead process is started again: 0.1 s, doubled at each death, up to 10 s. */
export class RestartPause {
  #startedMs = 0;
  #nextMs = FIRST_PAUSE_MS;

  onStart(nowMs: number): void {
    this.#startedMs = nowMs;
  }

  onEnd(nowMs: number): number {
    if (nowMs - this.#startedMs >= SOUND_RUN_MS) this.#nextMs = FIRST_PAUSE_MS;
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    return pauseMs;
  }
}
