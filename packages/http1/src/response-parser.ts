import { CR, LF, SP, VALUE } from "./characters.ts";
import { byteName } from "./field-block.ts";
import { FIELD, type FieldNames } from "./field-names.ts";
import { Http1Error } from "./http1-error.ts";
import { latin1 } from "./latin1.ts";
import { DEFAULT_LIMITS, type Http1Limits } from "./limits.ts";
import { MessageHead } from "./message-head.ts";

const VERSION_BYTES = Buffer.from("HTTP/1.");
const MINOR_AT = VERSION_BYTES.length;
const FIRST_DIGIT_AT = MINOR_AT + 2;
const AFTER_DIGITS_AT = FIRST_DIGIT_AT + 3;

/**
 * Reads response heads, strictly (RFC 9112 §4). `reset` names the request's method, since that decides
 * whether a body follows (§6.3). Informational responses (1xx) are heads of their own: reset and go on.
 */
export class ResponseParser extends MessageHead {
  /** 100 to 999. */
  status = 0;
  /** The reason phrase, perhaps empty. */
  reason = "";
  #requestMethod = "GET";
  #place = 0;
  #hasReason = false;
  #isLineFeed = false;
  #isFields = false;
  #reasonStart = 0;

  constructor(names: FieldNames, limits: Http1Limits = DEFAULT_LIMITS) {
    super(names, limits);
  }

  /** Makes ready for the next response, which answers a request of `requestMethod`. */
  reset(requestMethod: string): void {
    this.resetHead();
    this.#requestMethod = requestMethod;
    this.status = 0;
    this.reason = "";
    this.#place = 0;
    this.#hasReason = false;
    this.#isLineFeed = false;
    this.#isFields = false;
  }

  protected scan(bytes: Buffer, base: number, from: number, end: number): number {
    let at = from;
    if (!this.#isFields) {
      at = this.#scanLine(bytes, base, from, end);
      if (at < 0) return -1;
      this.#isFields = true;
      this.fields.reset(at - base);
    }
    const next = this.fields.scan(bytes, base, at, end);
    if (next >= 0) this.#finish();
    return next;
  }

  #scanLine(bytes: Buffer, base: number, from: number, end: number): number {
    const { maxLineBytes, maxHeadBytes } = this.limits;
    const stop = Math.min(end, base + Math.min(maxLineBytes, maxHeadBytes));
    let at = from;
    for (; at < stop && this.#place <= AFTER_DIGITS_AT; at++) {
      this.#readFixed(bytes[at] as number, at - base);
      this.#place++;
    }
    while (this.#hasReason && !this.#isLineFeed && at < stop) {
      if (VALUE[bytes[at] as number] === 1) at++;
      else {
        this.#endReason(bytes, base, at);
        at++;
      }
    }
    if (at >= stop) {
      if (stop < end) {
        throw new Http1Error("START_LINE_TOO_LONG", "the status line is too long", maxLineBytes);
      }
      return -1;
    }
    if (bytes[at] !== LF) throw new Http1Error("LINE_END", "a CR without LF ends the status line");
    return at + 1;
  }

  /** The part of known width: `HTTP/1.1 200` and the byte after it. */
  #readFixed(byte: number, offset: number): void {
    const place = this.#place;
    if (place < MINOR_AT) {
      if (byte !== VERSION_BYTES[place]) throw versionFault();
    } else if (place === MINOR_AT) {
      if (byte !== 0x30 && byte !== 0x31) throw versionFault();
      this.minorVersion = byte - 0x30;
    } else if (place === MINOR_AT + 1) {
      if (byte !== SP) throw versionFault();
    } else if (place < AFTER_DIGITS_AT) {
      const digit = byte - 48;
      if (digit < (place === FIRST_DIGIT_AT ? 1 : 0) || digit > 9) {
        throw new Http1Error("STATUS", "the status code is not three digits from 100 on");
      }
      this.status = this.status * 10 + digit;
    } else if (byte === SP) {
      this.#hasReason = true;
      this.#reasonStart = offset + 1;
    } else if (byte === CR) {
      // The space before an empty reason is missing: common, and it can mean nothing else.
      this.#isLineFeed = true;
    } else if (byte === LF) throw new Http1Error("LINE_END", "a bare LF ends the status line");
    else throw new Http1Error("STATUS", `the status code is followed by ${byteName(byte)}`);
  }

  #endReason(bytes: Buffer, base: number, at: number): void {
    const byte = bytes[at] as number;
    if (byte === LF) throw new Http1Error("LINE_END", "a bare LF ends the status line");
    if (byte !== CR) throw new Http1Error("STATUS", `the reason phrase holds ${byteName(byte)}`);
    const start = base + this.#reasonStart;
    const isOk = at - start === 2 && bytes[start] === 0x4f && bytes[start + 1] === 0x4b;
    this.reason = isOk ? "OK" : latin1(bytes, start, at);
    this.#isLineFeed = true;
  }

  #finish(): void {
    const framing = this.readFraming();
    this.readConnection();
    const { status } = this;
    if (status === 101) {
      if (!this.isUpgrade) {
        throw new Http1Error("STATUS", "a 101 response does not say which protocol follows");
      }
      this.body = "tunnel";
    } else if (this.#requestMethod === "CONNECT" && status >= 200 && status < 300)
      this.body = "tunnel";
    else if (status < 200 || status === 204 || status === 304 || this.#requestMethod === "HEAD") {
      this.body = "none";
    } else if (framing === "chunked") this.body = "chunked";
    else if (framing === "length") this.body = this.contentLength > 0 ? "length" : "none";
    else {
      this.body = "until-close";
      this.keepAlive = false;
    }
    if (this.body !== "length") this.contentLength = 0;
    if (this.body === "tunnel" || status < 200 || status === 204) this.#dropFraming(framing);
  }

  /**
   * No framing where no body can follow but by misunderstanding: a coding is refused (RFC 9112 §6.1), a
   * length, which servers do send, is not passed on (RFC 9110 §8.6).
   */
  #dropFraming(framing: "absent" | "length" | "chunked"): void {
    if (framing === "chunked") {
      throw new Http1Error("TRANSFER_ENCODING", `Transfer-Encoding in a ${this.status} response`);
    }
    if (framing === "length") this.fields.dropId(FIELD.contentLength);
  }
}

function versionFault(): Http1Error {
  return new Http1Error("VERSION", "the status line does not start with HTTP/1.0 or HTTP/1.1");
}
