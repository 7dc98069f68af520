import { type FieldBlock, OutBuffer } from "@heddle/http1";

/** A longer body is not kept for another attempt; it still passes, and then cannot be repeated. */
const MAX_KEPT_BYTES = 65_536;
const NO_BYTES = Buffer.alloc(0);

/**
 * The part of a request's body that has come before there was an upstream to take it, and, where it is
 * wanted for another attempt, what has passed already.
 */
export class KeptRequest {
  /** Whether the body is kept while it passes. */
  isWanted = false;
  trailers: FieldBlock | undefined;
  #out: OutBuffer | undefined;

  get length(): number {
    return this.#out?.length ?? 0;
  }

  get bytes(): Buffer {
    return this.#out?.bytes ?? NO_BYTES;
  }

  reset(): void {
    this.isWanted = false;
    this.#out = undefined;
    this.trailers = undefined;
  }

  want(): void {
    this.isWanted = true;
  }

  /** Forgets the bytes; the trailers are the downstream's to remember. */
  drop(): void {
    this.#out = undefined;
  }

  /** Takes a part of the body for the upstream to come. Its reader waits, so this has a bound. */
  add(bytes: Buffer, start: number, end: number): void {
    this.#out ??= new OutBuffer(Math.max(1_024, end - start));
    this.#out.copy(bytes, start, end);
  }

  /** Takes a part of the body that passes just now, if it is wanted and not too much. */
  addPassing(bytes: Buffer, start: number, end: number): void {
    if (!this.isWanted) return;
    if (this.length + end - start <= MAX_KEPT_BYTES) this.add(bytes, start, end);
    else {
      this.isWanted = false;
      this.drop();
    }
  }
}
