/** How much may be under way between the network and memory. */
export type IngestLimits = {
  readonly maxBodyBytes: number; // as sent
  readonly maxDecodedBytes: number; // after decompression
  readonly maxWaitingBytes: number; // bodies of all requests together
  readonly maxConcurrent: number; // decompressed and decoded at the same time
};

export const DEFAULT_INGEST_LIMITS: IngestLimits = {
  maxBodyBytes: 16 * 1024 * 1024,
  maxDecodedBytes: 64 * 1024 * 1024,
  maxWaitingBytes: 64 * 1024 * 1024,
  maxConcurrent: 4,
};

/** Admits request bodies up to a number of bytes, and lets few at a time be decoded. */
export class IngestGate {
  readonly #limits: IngestLimits;
  readonly #turns: (() => void)[] = [];
  #active = 0;
  waitingBytes = 0;

  constructor(limits: IngestLimits) {
    this.#limits = limits;
  }

  /** `false`: full; the sender should try again later. What was reserved must be released. */
  reserve(bytes: number): boolean {
    if (this.waitingBytes + bytes > this.#limits.maxWaitingBytes) return false;
    this.waitingBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.waitingBytes -= bytes;
  }

  /** Runs `work` when it is its turn, in order. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#active >= this.#limits.maxConcurrent) {
      await new Promise<void>((resolve) => this.#turns.push(resolve));
    } else this.#active += 1;
    try {
      return await work();
    } finally {
      const next = this.#turns.shift(); // bounded by the bytes that wait
      if (next) next();
      else this.#active -= 1;
    }
  }
}
