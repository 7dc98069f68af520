import type { OutBuffer } from "@heddle/http1";
import type { ByteStream, ByteStreamHandler } from "../transport/byte-stream.ts";

/** No server reads a longer request line; what has not shown itself by then is not taken. */
const MAX_LINE_BYTES = 65_536;
/** `METHOD target HTTP/…`, and how it may begin. White space as lenient servers read it. */
const REQUEST_LINE = /^[!-~]+[ \t]+[^ \t]+[ \t]+HTTP\//;
const REQUEST_LINE_BEGUN = /^[!-~]*([ \t]+([^\0-\x20]+([ \t]+(H(T(TP?)?)?)?)?)?)?$/;
/** HTTP/0.9, which some servers still answer. */
const SIMPLE_REQUEST = /^[A-Za-z]+[ \t]+(\/|https?:)[^ \t]*[ \t]*$/;

/** Whether a client's first bytes could be taken for a request by any HTTP server; "more": too few to tell. */
export function couldBeHttp(bytes: Buffer): "yes" | "no" | "more" {
  const text = bytes.toString("latin1").replace(/^[\r\n\t ]+/, ""); // servers pass over empty lines
  const end = text.search(/[\r\n]/);
  const line = end < 0 ? text : text.slice(0, end);
  if (REQUEST_LINE.test(line)) return "yes";
  if (end >= 0) return SIMPLE_REQUEST.test(line) ? "yes" : "no";
  if (bytes.length >= MAX_LINE_BYTES) return "yes";
  return REQUEST_LINE_BEGUN.test(line) ? "more" : "no";
}

/**
 * A caller's opaque connection to a port of no declared protocol, where policies judge requests: it must not
 * carry requests past them. Its first bytes are held until they show that they are none.
 */
export class OpaqueOnly implements ByteStream, ByteStreamHandler {
  handler: ByteStreamHandler;
  readonly #stream: ByteStream;
  readonly #onHttp: () => void;
  #held: Buffer = Buffer.alloc(0);
  #isKnown = false;

  /** `onHttp`: it does carry requests, and has been closed. Call `admit` with what has been read already. */
  constructor(stream: ByteStream, onHttp: () => void) {
    this.#stream = stream;
    this.#onHttp = onHttp;
    this.handler = stream.handler;
    stream.handler = this;
  }

  /** The part of `bytes`, the connection's first, that may go on now. `undefined`: it has been closed. */
  admit(bytes: Buffer): Buffer | undefined {
    if (this.#isKnown) return bytes;
    this.#held = Buffer.concat([this.#held, bytes]);
    const verdict = this.#held.length === 0 ? "more" : couldBeHttp(this.#held);
    if (verdict === "more") return Buffer.alloc(0);
    this.#isKnown = true;
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    if (verdict === "no") return held;
    this.#stream.reset();
    this.#onHttp();
    return undefined;
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.#isKnown) return this.handler.onData(bytes, start, end);
    const admitted = this.admit(bytes.subarray(start, end));
    if (admitted !== undefined && admitted.length > 0) {
      this.handler.onData(admitted, 0, admitted.length);
    }
  }

  /** What is no whole line at the end is no request either. */
  onEnd(): void {
    const held = this.#held;
    this.#isKnown = true;
    this.#held = Buffer.alloc(0);
    if (held.length > 0) this.handler.onData(held, 0, held.length);
    this.handler.onEnd();
  }

  onDrain(): void {
    this.handler.onDrain();
  }

  onClose(error: Error | undefined): void {
    this.handler.onClose(error);
  }

  get isClosed(): boolean {
    return this.#stream.isClosed;
  }

  get isBlocked(): boolean {
    return this.#stream.isBlocked;
  }

  get unsentBytes(): number {
    return this.#stream.unsentBytes;
  }

  write(out: OutBuffer): void {
    this.#stream.write(out);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(): void {
    this.#stream.end();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  reset(): void {
    this.#stream.reset();
  }
}
