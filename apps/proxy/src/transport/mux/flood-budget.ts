import { MuxError } from "./mux-error.ts";

/** Resets, pings and empty frames a peer may send at once, and how many more each millisecond. */
const BURST = 10_000;
const PER_MS = 1;

/** Frames that cost the receiver more than the sender are paid from a budget that time fills up. */
export class FloodBudget {
  #credit = BURST;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** Pays for one such frame. Throws `MuxError` when the peer has nothing left. */
  spend(nowMs: number): void {
    const earned = (nowMs - this.#atMs) * PER_MS;
    this.#atMs = nowMs;
    this.#credit = Math.min(BURST, this.#credit + earned) - 1;
    if (this.#credit < 0) throw new MuxError("FLOOD", "too many resets, pings or empty frames");
  }
}
