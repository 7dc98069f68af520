import { CR, HEX, LF, TOKEN, VALUE } from "./characters.ts";
import { FieldBlock } from "./field-block.ts";
import type { FieldNames } from "./field-names.ts";
import { Http1Error } from "./http1-error.ts";
import { DEFAULT_LIMITS, type Http1Limits } from "./limits.ts";
import type { BodyKind } from "./message-head.ts";

/** Takes a body's payload as it comes: `bytes[start, end)`, valid only during the call. */
export type BodySink = { onBody(bytes: Buffer, start: number, end: number): void };

const SIZE_START = 0;
const SIZE = 1;
const EXTENSION_NAME_START = 2;
const EXTENSION_NAME = 3;
const EXTENSION_VALUE_START = 4;
const EXTENSION_VALUE = 5;
const EXTENSION_QUOTED = 6;
const EXTENSION_ESCAPE = 7;
const EXTENSION_QUOTED_END = 8;
const SIZE_LINE_FEED = 9;
const DATA = 10;
const DATA_RETURN = 11;
const DATA_LINE_FEED = 12;
const TRAILERS = 13;

const MAX_SIZE_DIGITS = 8;
/** Memory for trailers that is kept from message to message. */
const MAX_IDLE_BYTES = 1_024;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * What a trailer section may not hold (RFC 9110 §6.5.1): framing, routing, request modifiers,
 * authentication, and what tells how to process the content. Such a field is read and checked but
 * marked, so that no copy passes it on.
 */
export const NO_TRAILERS: ReadonlySet<string> = new Set([
  ..."content-length transfer-encoding host connection keep-alive proxy-connection".split(" "),
  ..."te trailer upgrade expect http2-settings max-forwards pragma".split(" "),
  ..."authorization proxy-authorization proxy-authenticate www-authenticate".split(" "),
  ..."proxy-authentication-info cookie set-cookie cache-control age".split(" "),
  ..."expires date location retry-after vary warning range content-range".split(" "),
  ..."content-encoding content-type if-match if-none-match if-modified-since".split(" "),
  ..."if-unmodified-since if-range".split(" "),
]);

/**
 * Takes the framing off one body after another (RFC 9112 §6, §7.1). Chunk extensions are checked and
 * dropped; a trailer section is checked like a head and in `trailers` once `isComplete`, until the next
 * `reset`. Who has taken it may keep it: its memory is never used again, for what writes it may still
 * wait for a connection while the next message is read.
 */
export class BodyReader {
  isComplete = true;
  kind: BodyKind = "none";
  /** Payload bytes given out so far. */
  payloadBytes = 0;
  /** The trailer section of a complete chunked body; `undefined`: it was empty or the body is not chunked. */
  trailers: FieldBlock | undefined;
  readonly #names: FieldNames;
  readonly #limits: Http1Limits;
  #remaining = 0;
  #state = SIZE_START;
  #digits = 0;
  #lineExtensionBytes = 0;
  #messageExtensionBytes = 0;
  #block: FieldBlock | undefined;
  #kept: Buffer | undefined;
  #keptBytes = 0;

  constructor(names: FieldNames, limits: Http1Limits = DEFAULT_LIMITS) {
    this.#names = names;
    this.#limits = limits;
  }

  /** Makes ready for a body of this kind; `length` counts for kind `length` alone. */
  reset(kind: BodyKind, length: number): void {
    this.kind = kind;
    this.isComplete = kind === "none" || kind === "tunnel" || (kind === "length" && length === 0);
    this.payloadBytes = 0;
    if (this.trailers !== undefined) this.#leaveTrailers();
    this.#remaining = kind === "length" ? length : 0;
    this.#state = SIZE_START;
    this.#digits = 0;
    this.#lineExtensionBytes = 0;
    this.#messageExtensionBytes = 0;
    if (this.#kept !== undefined && this.#kept.length > MAX_IDLE_BYTES) this.#kept = undefined;
    this.#keptBytes = 0;
  }

  #leaveTrailers(): void {
    this.trailers = undefined;
    this.#block = undefined;
    this.#kept = undefined;
  }

  /**
   * Takes what belongs to the body from `bytes[start, end)`, hands the payload to `sink`, and returns
   * the position after it; less than `end` only when the body is complete. Throws `Http1Error`.
   */
  read(bytes: Buffer, start: number, end: number, sink: BodySink): number {
    if (this.isComplete || start === end) return start;
    if (this.kind === "chunked") return this.#readChunked(bytes, start, end, sink);
    if (this.kind === "until-close") {
      this.payloadBytes += end - start;
      sink.onBody(bytes, start, end);
      return end;
    }
    const next = Math.min(end, start + this.#remaining);
    this.#remaining -= next - start;
    this.isComplete = this.#remaining === 0;
    this.payloadBytes += next - start;
    sink.onBody(bytes, start, next);
    return next;
  }

  /** The sender has ended the stream: completes an until-close body. Throws `Http1Error` for any other that is cut. */
  end(): void {
    if (this.isComplete) return;
    if (this.kind !== "until-close") {
      throw new Http1Error("UNEXPECTED_END", "the stream ends inside a body");
    }
    this.isComplete = true;
  }

  #readChunked(bytes: Buffer, start: number, end: number, sink: BodySink): number {
    let at = start;
    while (at < end) {
      if (this.#state === TRAILERS) return this.#readTrailers(bytes, at, end);
      if (this.#state === DATA) {
        const next = Math.min(end, at + this.#remaining);
        this.#remaining -= next - at;
        if (this.#remaining === 0) this.#state = DATA_RETURN;
        this.payloadBytes += next - at;
        sink.onBody(bytes, at, next);
        at = next;
      } else {
        this.#readFraming(bytes[at] as number);
        at++;
      }
    }
    return at;
  }

  #readFraming(byte: number): void {
    switch (this.#state) {
      case SIZE_START:
      case SIZE:
        this.#readSize(byte);
        break;
      case SIZE_LINE_FEED:
        if (byte !== LF)
          throw new Http1Error("CHUNK_SIZE", "a CR without LF ends a chunk size line");
        this.#state = this.#remaining === 0 ? TRAILERS : DATA;
        if (this.#state === TRAILERS) this.#startTrailers();
        break;
      case DATA_RETURN:
        if (byte !== CR) throw new Http1Error("CHUNK_END", "a chunk is longer than its size says");
        this.#state = DATA_LINE_FEED;
        break;
      case DATA_LINE_FEED:
        if (byte !== LF) throw new Http1Error("CHUNK_END", "a CR without LF ends a chunk");
        this.#state = SIZE_START;
        this.#digits = 0;
        this.#lineExtensionBytes = 0;
        break;
      default:
        this.#readExtension(byte);
    }
  }

  #readSize(byte: number): void {
    const digit = HEX[byte] as number;
    if (digit !== 255) {
      if (this.#digits === MAX_SIZE_DIGITS) {
        throw new Http1Error("CHUNK_SIZE", "a chunk size has too many digits", MAX_SIZE_DIGITS);
      }
      this.#remaining = (this.#digits === 0 ? 0 : this.#remaining * 16) + digit;
      this.#digits++;
      this.#state = SIZE;
    } else if (this.#state === SIZE_START) {
      throw new Http1Error(
        "CHUNK_SIZE",
        "a chunk size line does not start with a hexadecimal digit",
      );
    } else if (byte === CR) this.#state = SIZE_LINE_FEED;
    else if (byte === SEMICOLON) this.#state = EXTENSION_NAME_START;
    else throw new Http1Error("CHUNK_SIZE", "a chunk size is followed by neither CRLF nor `;`");
  }

  /** `;name`, `;name=token` or `;name="quoted \" text"`, as RFC 9112 §7.1.1 without white space. */
  #readExtension(byte: number): void {
    this.#countExtension();
    switch (this.#state) {
      case EXTENSION_NAME_START:
        if (TOKEN[byte] !== 1) throw extensionFault();
        this.#state = EXTENSION_NAME;
        break;
      case EXTENSION_NAME:
        if (byte === EQUALS) this.#state = EXTENSION_VALUE_START;
        else if (TOKEN[byte] !== 1) this.#endExtension(byte);
        break;
      case EXTENSION_VALUE_START:
        if (byte === QUOTE) this.#state = EXTENSION_QUOTED;
        else if (TOKEN[byte] === 1) this.#state = EXTENSION_VALUE;
        else throw extensionFault();
        break;
      case EXTENSION_VALUE:
        if (TOKEN[byte] !== 1) this.#endExtension(byte);
        break;
      case EXTENSION_QUOTED:
        if (byte === QUOTE) this.#state = EXTENSION_QUOTED_END;
        else if (byte === BACKSLASH) this.#state = EXTENSION_ESCAPE;
        else if (VALUE[byte] !== 1) throw extensionFault();
        break;
      case EXTENSION_ESCAPE:
        if (VALUE[byte] !== 1) throw extensionFault();
        this.#state = EXTENSION_QUOTED;
        break;
      default:
        this.#endExtension(byte);
    }
  }

  #endExtension(byte: number): void {
    if (byte === CR) this.#state = SIZE_LINE_FEED;
    else if (byte === SEMICOLON) this.#state = EXTENSION_NAME_START;
    else throw extensionFault();
  }

  #countExtension(): void {
    const { maxChunkExtensionBytes, maxMessageExtensionBytes } = this.#limits;
    if (++this.#lineExtensionBytes > maxChunkExtensionBytes) {
      throw new Http1Error(
        "CHUNK_EXTENSION",
        "a chunk's extensions are too long",
        maxChunkExtensionBytes,
      );
    }
    if (++this.#messageExtensionBytes > maxMessageExtensionBytes) {
      throw new Http1Error(
        "CHUNK_EXTENSION",
        "a message's chunk extensions are too long",
        maxMessageExtensionBytes,
      );
    }
  }

  #startTrailers(): void {
    this.#block ??= new FieldBlock(this.#names, this.#limits);
    this.#block.reset(0);
  }

  /** Scans in place while the section has come whole, else a bounded copy. */
  #readTrailers(bytes: Buffer, start: number, end: number): number {
    const block = this.#block as FieldBlock;
    const before = this.#keptBytes;
    if (before === 0) {
      const next = block.scan(bytes, start, start, end);
      if (next < 0) {
        this.#keep(bytes, start, end);
        return end;
      }
      if (block.count > 0) {
        this.#keep(bytes, start, next);
        block.bytes = this.#kept as Buffer;
        block.base = 0;
      }
      return this.#endTrailers(block, next);
    }
    this.#keep(bytes, start, Math.min(end, start + this.#limits.maxHeadBytes + 1 - before));
    const next = block.scan(this.#kept as Buffer, 0, before, this.#keptBytes);
    return next < 0 ? end : this.#endTrailers(block, start + next - before);
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const needed = this.#keptBytes + end - start;
    if (this.#kept === undefined || needed > this.#kept.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(256, needed * 2));
      this.#kept?.copy(grown, 0, 0, this.#keptBytes);
      this.#kept = grown;
    }
    bytes.copy(this.#kept, this.#keptBytes, start, end);
    this.#keptBytes = needed;
  }

  #endTrailers(block: FieldBlock, next: number): number {
    this.isComplete = true;
    if (block.count > 0) {
      block.drop(NO_TRAILERS);
      this.trailers = block;
    }
    return next;
  }
}

function extensionFault(): Http1Error {
  return new Http1Error("CHUNK_EXTENSION", "a chunk extension is malformed");
}
