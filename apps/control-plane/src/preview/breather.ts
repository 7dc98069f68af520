import { setImmediate } from "node:timers/promises";

/** So long one question holds its thread at a time: the others there, and its end, wait no longer. */
const SLICE_MS = 10;

/** Lets others run whenever a slice of time is used up. One for each question. */
export class Breather {
  readonly #signal: AbortSignal | undefined;
  #sliceEndsAt = performance.now() + SLICE_MS;

  /** `signal`: whoever asked does not want to know any more. */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Costs nothing until the slice is used up. Throws the signal's reason when it is aborted. */
  async breathe(): Promise<void> {
    if (performance.now() < this.#sliceEndsAt) return;
    await setImmediate();
    this.#signal?.throwIfAborted();
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
