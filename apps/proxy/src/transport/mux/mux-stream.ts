import { type FieldBlock, type Http1Error, OutBuffer } from "@heddle/http1";
import type { ByteStream, ByteStreamHandler } from "../byte-stream.ts";
import { TRAILER_MASK } from "../proxy-fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { INITIAL_CREDIT, MAX_CREDIT, RESET_CODE } from "./frames.ts";
import { MuxError } from "./mux-error.ts";

/** Credit is given back in pieces of at least this: few WINDOW frames, and never a sender that waits in vain. */
const GRANT_BYTES = INITIAL_CREDIT / 2;

const NOBODY: ByteStreamHandler = {
  onData: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
};

/** What a stream asks of the connection that carries it. */
export interface StreamCarrier {
  readonly frames: FrameWriter;
  /** The stream is over. */
  remove(id: number): void;
}

/**
 * What both ends of a stream share: credit, what waits for credit, the ends of both directions. It is
 * used again for the next stream, unless it became a tunnel.
 *
 *   closed → open (`open`)      open → closed (both ends, a reset either way, the connection's end)
 *
 * Nothing received is kept here: what the peer may send is bounded by credit, and credit comes back only
 * when whoever takes the bytes is not blocked. Nothing is kept of what is sent but what the source had
 * read already when the credit ran out.
 */
export abstract class MuxStream implements ByteStream {
  readonly session: StreamCarrier;
  id = 0;
  isClosed = true;
  hasSentEnd = false;
  hasReceivedEnd = false;
  /** Set when the stream becomes a tunnel. */
  handler: ByteStreamHandler = NOBODY;
  protected isTunnel = false;
  #isPaused = false;
  #sendCredit = 0;
  #receiveCredit = 0;
  /** Received and not yet given back as credit. */
  #received = 0;
  /** What waits for credit; an end or trailers behind it wait too. */
  #pending: OutBuffer | undefined;
  #pendingTrailers: OutBuffer | undefined;
  #isEndPending = false;

  constructor(session: StreamCarrier) {
    this.session = session;
  }

  protected open(id: number): void {
    this.id = id;
    this.isClosed = false;
    this.hasSentEnd = false;
    this.hasReceivedEnd = false;
    this.#isPaused = false;
    this.#sendCredit = INITIAL_CREDIT;
    this.#receiveCredit = INITIAL_CREDIT;
    this.#received = 0;
    this.#forgetPending();
  }

  #forgetPending(): void {
    this.#pending = undefined;
    this.#pendingTrailers = undefined;
    this.#isEndPending = false;
  }

  // ---- Sending ----

  get isBlocked(): boolean {
    return this.#sendCredit <= 0 || this.#pending !== undefined || this.session.frames.isBlocked;
  }

  get unsentBytes(): number {
    return this.#pending?.length ?? 0;
  }

  protected send(bytes: Buffer, start: number, end: number): void {
    if (this.isClosed || this.hasSentEnd || start === end) return;
    if (this.#pending !== undefined) {
      this.#pending.copy(bytes, start, end);
      return;
    }
    const next = Math.min(end, start + this.#sendCredit);
    if (next > start) {
      this.session.frames.data(this.id, bytes, start, next);
      this.#sendCredit -= next - start;
    }
    if (next === end) return;
    this.#pending = new OutBuffer(Math.max(1_024, end - next));
    this.#pending.copy(bytes, next, end);
  }

  protected sendEnd(trailers: FieldBlock | undefined): void {
    if (this.isClosed || this.hasSentEnd || this.#isEndPending) return;
    if (trailers === undefined) {
      if (this.#pending === undefined) this.#endNow();
      else this.#isEndPending = true;
      return;
    }
    const out = new OutBuffer(256);
    out.endChunks(trailers, TRAILER_MASK);
    if (this.#pending === undefined) this.#trailNow(out);
    else {
      this.#isEndPending = true;
      this.#pendingTrailers = out;
    }
  }

  #endNow(): void {
    this.hasSentEnd = true;
    this.session.frames.end(this.id);
    this.onSentEnd();
    this.#closeIfEnded();
  }

  #trailNow(out: OutBuffer): void {
    this.hasSentEnd = true;
    this.session.frames.trailers(this.id, out);
    this.onSentEnd();
  }

  /** This side's last byte is on its way. */
  protected onSentEnd(): void {}

  /** The peer takes so many bytes more. */
  onWindow(increment: number): void {
    if (increment === 0 || this.#sendCredit + increment > MAX_CREDIT) {
      throw new MuxError("WINDOW", `a window grows by ${increment} bytes`);
    }
    this.#sendCredit += increment;
    const pending = this.#pending;
    if (pending !== undefined) {
      const size = Math.min(pending.length, this.#sendCredit);
      this.session.frames.data(this.id, pending.bytes, 0, size);
      this.#sendCredit -= size;
      if (size < pending.length) {
        pending.bytes.copyWithin(0, size, pending.length);
        pending.length -= size;
        return;
      }
      this.#pending = undefined;
      if (this.#isEndPending) {
        const trailers = this.#pendingTrailers;
        this.#forgetPending();
        if (trailers === undefined) this.#endNow();
        else this.#trailNow(trailers);
        return;
      }
    }
    if (!this.session.frames.isBlocked) this.onUnblocked();
  }

  /** Whoever was told to wait may go on. */
  onUnblocked(): void {
    if (this.isTunnel) this.handler.onDrain();
    else this.onSendable();
  }

  /** As `onUnblocked`, while it is a message that is sent. */
  protected abstract onSendable(): void;

  // ---- Receiving ----

  /** Counts what has come against the credit, before it is handed on. */
  onReceived(size: number): void {
    if (this.hasReceivedEnd) {
      throw new MuxError("STREAM_ENDED", `stream ${this.id} goes on behind its end`);
    }
    this.#receiveCredit -= size;
    if (this.#receiveCredit < 0) {
      throw new MuxError("CREDIT", `stream ${this.id} brings more than it has credit for`);
    }
    this.#received += size;
  }

  /** Gives credit back for what was taken, unless its taker is held up. */
  protected grant(): void {
    if (this.#received < GRANT_BYTES || this.isClosed || this.hasReceivedEnd) return;
    if (this.#isPaused || this.isHolding) return;
    this.session.frames.window(this.id, this.#received);
    this.#receiveCredit += this.#received;
    this.#received = 0;
  }

  /** Whether whoever takes the bytes cannot take more. */
  protected get isHolding(): boolean {
    return false;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.grant();
  }

  /** A part of a DATA frame. */
  onData(bytes: Buffer, start: number, end: number): void {
    if (this.isTunnel) this.handler.onData(bytes, start, end);
    else this.onBodyData(bytes, start, end);
    this.grant();
  }

  onEnd(): void {
    this.hasReceivedEnd = true;
    if (this.isTunnel) this.handler.onEnd();
    else this.onMessageEnd(undefined);
    this.#closeIfEnded();
  }

  onTrailers(trailers: FieldBlock | undefined): void {
    if (this.isTunnel) throw new MuxError("TRAILERS", "a tunnel has no trailers");
    this.hasReceivedEnd = true;
    this.onMessageEnd(trailers);
    this.#closeIfEnded();
  }

  /** A trailer section came that is none, or is too large. */
  abstract onBadTrailers(error: Http1Error): void;
  /** Everything of one read has been handed over. */
  abstract onFlush(): void;
  /** A part of a HEAD frame. */
  abstract onHead(bytes: Buffer, start: number, end: number, isLast: boolean): void;
  protected abstract onBodyData(bytes: Buffer, start: number, end: number): void;
  protected abstract onMessageEnd(trailers: FieldBlock | undefined): void;
  /** The peer gave the stream up. */
  protected abstract onMessageReset(code: number): void;
  /** The connection is gone. */
  protected abstract onMessageLost(reason: string): void;

  // ---- The end ----

  #closeIfEnded(): void {
    if (this.isTunnel && this.hasSentEnd && this.hasReceivedEnd) this.#closeTunnel(undefined);
  }

  /** Takes the stream off its connection, with a word to the peer if there is a `code`. */
  protected close(code: number | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#forgetPending();
    if (this.id > 0) {
      if (code !== undefined) this.session.frames.reset(this.id, code);
      this.session.remove(this.id);
    }
  }

  onReset(code: number): void {
    if (this.isTunnel) this.#closeTunnel(undefined, new Error(`the stream was reset (${code})`));
    else this.onMessageReset(code);
  }

  onSessionLost(reason: string): void {
    if (this.isTunnel) this.#closeTunnel(undefined, new Error(reason));
    else this.onMessageLost(reason);
  }

  #closeTunnel(code: number | undefined, error?: Error): void {
    if (this.isClosed) return;
    this.close(code);
    this.onTunnelClosed();
    process.nextTick(() => this.handler.onClose(error));
  }

  protected onTunnelClosed(): void {}

  // ---- As a tunnel's stream of bytes ----

  write(out: OutBuffer): void {
    this.send(out.bytes, 0, out.length);
    out.clear();
  }

  end(): void {
    this.sendEnd(undefined);
  }

  destroy(): void {
    this.#closeTunnel(RESET_CODE.cancel);
  }

  reset(): void {
    this.#closeTunnel(RESET_CODE.broken);
  }
}
