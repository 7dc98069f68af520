import { OutBuffer } from "@heddle/http1";
import type { Connection } from "../connection.ts";
import {
  END,
  FRAME,
  HEADER_BYTES,
  MAX_DATA_BYTES,
  setLength,
  writeByteFrame,
  writeHeader,
  writeWindow,
} from "./frames.ts";

/** With more than this waiting to be written, sources stop. */
const HIGH_WATER_BYTES = 131_072;
/** Memory for frames on their way; what more a burst took is kept while such bursts go on, but not beyond `MOST_OUT_BYTES`. */
const OUT_BYTES = 65_536;
const MOST_OUT_BYTES = 2_097_152;
/** Of a PING. */
const PING_BYTES = 8;

/** What leaves on one connection: all frames of one turn of the event loop, in one write. */
export class FrameWriter {
  readonly #connection: Connection;
  readonly #out = new OutBuffer(OUT_BYTES);
  /** So much that sources had to stop has left. */
  readonly #onUnblocked: () => void;
  /** Where the last frame in `#out` starts, and whose it is: its END may still be set. */
  #lastAt = -1;
  #lastStream = 0;
  #isFlushDue = false;
  #isClosed = false;
  /** The most that left in one write since the last look. */
  #burstBytes = 0;
  readonly #flushLater = () => this.flush();

  constructor(connection: Connection, onUnblocked: () => void) {
    this.#connection = connection;
    this.#onUnblocked = onUnblocked;
  }

  get isBlocked(): boolean {
    return this.#out.length > HIGH_WATER_BYTES || this.#connection.isBlocked;
  }

  // ---- Messages ----

  startHead(id: number): OutBuffer {
    this.#lastAt = writeHeader(this.#out, FRAME.head, false, id, 0);
    this.#lastStream = id;
    return this.#out;
  }

  /** Where the head begun last goes on. */
  get head(): OutBuffer {
    return this.#out;
  }

  endHead(): void {
    const out = this.#out;
    out.endHead();
    setLength(out, this.#lastAt, out.length - this.#lastAt - HEADER_BYTES);
    this.#flushSoon();
  }

  data(id: number, bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at += MAX_DATA_BYTES) {
      const next = Math.min(end, at + MAX_DATA_BYTES);
      this.#lastAt = writeHeader(this.#out, FRAME.data, false, id, next - at);
      this.#lastStream = id;
      this.#out.copy(bytes, at, next);
    }
    this.#flushSoon();
  }

  end(id: number): void {
    if (this.#lastAt >= 0 && this.#lastStream === id) {
      const { bytes } = this.#out;
      bytes[this.#lastAt + 3] = (bytes[this.#lastAt + 3] as number) | END;
    } else writeHeader(this.#out, FRAME.data, true, id, 0);
    this.#onWhole();
  }

  trailers(id: number, section: OutBuffer): void {
    writeHeader(this.#out, FRAME.trailers, true, id, section.length);
    this.#out.copy(section.bytes, 0, section.length);
    this.#onWhole();
  }

  // ---- Control ----

  reset(id: number, code: number): void {
    writeByteFrame(this.#out, FRAME.reset, id, code);
    this.#onWhole();
  }

  window(id: number, bytes: number): void {
    writeWindow(this.#out, id, bytes);
    this.#onWhole();
  }

  goaway(code: number): void {
    writeByteFrame(this.#out, FRAME.goaway, 0, code);
    this.#onWhole();
  }

  /** `isAnswer`: to a peer's PING that brought these bytes. */
  ping(isAnswer: boolean, bytes: Buffer): void {
    writeHeader(this.#out, FRAME.ping, isAnswer, 0, PING_BYTES);
    this.#out.copy(bytes, 0, PING_BYTES);
    this.#onWhole();
  }

  /** Nothing can be added to the last frame any more. */
  #onWhole(): void {
    this.#lastAt = -1;
    this.#flushSoon();
  }

  // ---- Leaving ----

  /** What this turn of the event loop brings leaves together, after all of it was read. */
  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(this.#flushLater);
  }

  flush(): void {
    this.#isFlushDue = false;
    if (this.#isClosed || this.#connection.isBlocked) return;
    const out = this.#out;
    const wasBlocked = out.length > HIGH_WATER_BYTES;
    this.#lastAt = -1;
    this.#burstBytes = Math.max(this.#burstBytes, out.length);
    this.#connection.write(out);
    if (out.bytes.length > MOST_OUT_BYTES) out.bytes = Buffer.allocUnsafeSlow(OUT_BYTES);
    if (wasBlocked && !this.#connection.isBlocked) this.#onUnblocked();
  }

  /** Hands everything to the connection, even if that is blocked: it is about to go. */
  flushLast(): void {
    this.#connection.write(this.#out);
  }

  /** The connection is gone. */
  close(): void {
    this.#isClosed = true;
  }

  /** Keeps no more memory than the bursts since the last call have needed. */
  giveMemoryBack(): void {
    const out = this.#out;
    const isIdle = out.length === 0 && out.bytes.length > OUT_BYTES;
    if (isIdle && this.#burstBytes <= out.bytes.length / 4) {
      out.bytes = Buffer.allocUnsafeSlow(OUT_BYTES);
    }
    this.#burstBytes = 0;
  }
}
