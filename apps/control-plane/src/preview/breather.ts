import { setImmediate } from "node:timers/promises";

/** So long a preview holds the event loop at a time: pushes and rollbacks that come meanwhile go first. */
const SLICE_MS = 2;

/** Lets others run whenever a slice of time is used up. One for each question. */
export class Breather {
  #sliceEndsAt = performance.now() + SLICE_MS;

  /** Costs nothing until the slice is used up. */
  async breathe(): Promise<void> {
    if (performance.now() < this.#sliceEndsAt) return;
    await setImmediate();
    this.#sliceEndsAt = performance.now() + SLICE_MS;
  }

  /** Runs work that stops at each step, to its end. */
  async finish<Result>(steps: Generator<void, Result>): Promise<Result> {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      await this.breathe();
    }
  }
}
