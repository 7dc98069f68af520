/** A bypass ends at most so much after its time. */
const CHECK_MS = 250;

/** What may be off the mesh's rules for a time. */
export type Bypassed = {
  readonly isAnyBypassed: boolean;
  /** Lets those end whose time is over. */
  endBypasses(nowMs: number): void;
};

/** Looks at the time while a bypass is on, and only then. */
export class BypassClock {
  readonly #bypassed: Bypassed;
  #timer: NodeJS.Timeout | undefined;

  constructor(bypassed: Bypassed) {
    this.#bypassed = bypassed;
  }

  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  /** There may be a bypass now, or none any more. */
  look(): void {
    if (!this.#bypassed.isAnyBypassed) this.stop();
    else if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#tick(), CHECK_MS);
      this.#timer.unref();
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    this.#bypassed.endBypasses(Date.now());
    this.look();
  }
}
