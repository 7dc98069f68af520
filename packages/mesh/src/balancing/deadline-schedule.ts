import { nextEvenDraw } from "../routing/even-draw.ts";

/**
 * Weighted turns, as Envoy's earliest-deadline-first scheduler: who was picked comes back after
 * 1 / weight, so shares follow the weights and turns are spread, not bunched. A binary heap in typed
 * arrays: O(log n) per pick, nothing allocated.
 */
export class DeadlineSchedule {
  readonly #order: Int32Array;
  readonly #deadlines: Float64Array;

  /**
   * `draw` in [0, 1) gives the start: every seat somewhere within its first turn, so that proxies that
   * start together do not all go to the same endpoint first.
   */
  constructor(weights: readonly number[], draw: number) {
    this.#order = Int32Array.from(weights, (_, seat) => seat);
    this.#deadlines = new Float64Array(weights.length);
    let phase = draw;
    for (const [seat, weight] of weights.entries()) {
      this.#deadlines[seat] = phase / weight;
      phase = nextEvenDraw(phase);
    }
    this.#order.sort((a, b) => this.#deadlineOf(a) - this.#deadlineOf(b));
  }

  /** Whose turn it is: the index into `weights`. It stays the same until `reschedule`. */
  get first(): number {
    return this.#order[0] as number;
  }

  /** Ends the turn of the first, whose next one comes after 1 / `weight`. */
  reschedule(weight: number): void {
    const order = this.#order;
    const seat = order[0] as number;
    const deadline = this.#deadlineOf(seat) + 1 / weight;
    this.#deadlines[seat] = deadline;
    const { length } = order;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= length) break;
      const right = child + 1;
      if (
        right < length &&
        this.#deadlineOf(order[right] as number) < this.#deadlineOf(order[child] as number)
      ) {
        child = right;
      }
      if (this.#deadlineOf(order[child] as number) >= deadline) break;
      order[hole] = order[child] as number;
      hole = child;
    }
    order[hole] = seat;
  }

  #deadlineOf(seat: number): number {
    return this.#deadlines[seat] as number;
  }
}
