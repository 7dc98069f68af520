import { CR, HTAB, LF, LOWER, SP, TOKEN, VALUE } from "./characters.ts";
import { equalsLower, FIELD, type FieldNames } from "./field-names.ts";
import { Http1Error } from "./http1-error.ts";
import { latin1 } from "./latin1.ts";
import type { Http1Limits } from "./limits.ts";

const LINE_START = 0;
const NAME = 1;
const LEADING_SPACE = 2;
const CONTENT = 3;
const LINE_FEED = 4;
const LAST_LINE_FEED = 5;

/**
 * The fields of one message, as offsets into the bytes they arrived in: no object or string per field
 * until someone asks. Valid until the next `reset`; the bytes belong to whoever read them, so what must
 * outlive the current read has to be copied (`MessageHead.detach`).
 *
 * Also the incremental scanner that fills it. States of a line, by the bytes that leave them:
 *   LINE_START → NAME | LAST_LINE_FEED (CR)     NAME → LEADING_SPACE (:)
 *   LEADING_SPACE → CONTENT | LINE_FEED (CR)    CONTENT → LINE_FEED (CR)    LINE_FEED → LINE_START (LF)
 */
export class FieldBlock {
  readonly limits: Http1Limits;
  readonly #names: FieldNames;
  /** Where the message's first byte stands in `bytes`; all offsets count from here. */
  base = 0;
  bytes: Buffer = EMPTY;
  count = 0;
  /** The value of Content-Length; `undefined`: there is none. */
  contentLength: number | undefined;
  /** Whether there is a Transfer-Encoding; its value is then checked by the message's reader. */
  isCoded = false;
  #hasHost = false;
  /** Per field: name start, name end, value start, value end. */
  readonly offsets: Uint32Array;
  readonly ids: Uint8Array;
  #state = LINE_START;
  #lineStart = 0;
  #nameEnd = 0;
  #valueStart = 0;

  constructor(names: FieldNames, limits: Http1Limits) {
    this.#names = names;
    this.limits = limits;
    this.offsets = new Uint32Array(4 * limits.maxFields);
    this.ids = new Uint8Array(limits.maxFields);
  }

  /** Forgets all fields; the next line starts at `lineStart`, counted from the message's first byte. */
  reset(lineStart: number): void {
    this.count = 0;
    this.contentLength = undefined;
    this.isCoded = false;
    this.#hasHost = false;
    this.#state = LINE_START;
    this.#lineStart = lineStart;
  }

  /**
   * Reads field lines from `bytes[from, end)`, the message's first byte being at `base`. Returns the
   * position after the empty line, or -1 when more is needed: then call again with the same message
   * and `from` where this call ended. Throws `Http1Error`.
   */
  scan(bytes: Buffer, base: number, from: number, end: number): number {
    this.bytes = bytes;
    this.base = base;
    const headStop = base + this.limits.maxHeadBytes;
    let at = from;
    let state = this.#state;
    let stop = this.#stopOf(base, end, headStop);
    for (;;) {
      if (at >= stop) {
        if (stop < end) throw this.#tooLong(stop === headStop);
        this.#state = state;
        return -1;
      }
      switch (state) {
        case LINE_START: {
          const byte = bytes[at] as number;
          if (byte === CR) {
            at++;
            state = LAST_LINE_FEED;
          } else if (TOKEN[byte] === 1) state = NAME;
          else throw lineStartFault(byte);
          break;
        }
        case NAME: {
          while (at < stop && TOKEN[bytes[at] as number] === 1) at++;
          if (at >= stop) break;
          if (bytes[at] !== 0x3a) throw nameFault(bytes[at] as number);
          this.#nameEnd = at - base;
          at++;
          state = LEADING_SPACE;
          break;
        }
        case LEADING_SPACE: {
          while (at < stop && (bytes[at] === SP || bytes[at] === HTAB)) at++;
          if (at >= stop) break;
          this.#valueStart = at - base;
          state = CONTENT;
          break;
        }
        case CONTENT: {
          // Nearly every byte passes the two comparisons; the table is asked about the others.
          while (at < stop) {
            const byte = bytes[at] as number;
            if (byte < 0x20 || byte === 0x7f) {
              if (VALUE[byte] === 0) break;
            }
            at++;
          }
          if (at >= stop) break;
          if (bytes[at] !== CR) throw valueFault(bytes[at] as number);
          this.#add(at - base);
          at++;
          state = LINE_FEED;
          break;
        }
        case LINE_FEED: {
          if (bytes[at] !== LF) {
            throw new Http1Error("LINE_END", "a CR without LF ends a field line");
          }
          at++;
          this.#lineStart = at - base;
          stop = this.#stopOf(base, end, headStop);
          state = LINE_START;
          break;
        }
        default: {
          if (bytes[at] !== LF) {
            throw new Http1Error("LINE_END", "a CR without LF stands where the head should end");
          }
          return at + 1;
        }
      }
    }
  }

  #stopOf(base: number, end: number, headStop: number): number {
    return Math.min(end, headStop, base + this.#lineStart + this.limits.maxLineBytes);
  }

  #tooLong(isWholeHead: boolean): Http1Error {
    return isWholeHead
      ? new Http1Error("HEAD_TOO_LARGE", "the fields are too large", this.limits.maxHeadBytes)
      : new Http1Error("FIELD_TOO_LONG", "a field line is too long", this.limits.maxLineBytes);
  }

  #add(end: number): void {
    const { bytes, base, count, offsets } = this;
    if (count === this.limits.maxFields) {
      throw new Http1Error("TOO_MANY_FIELDS", "too many fields", this.limits.maxFields);
    }
    let valueEnd = end;
    while (valueEnd > this.#valueStart) {
      const last = bytes[base + valueEnd - 1];
      if (last !== SP && last !== HTAB) break;
      valueEnd--;
    }
    const slot = count * 4;
    offsets[slot] = this.#lineStart;
    offsets[slot + 1] = this.#nameEnd;
    offsets[slot + 2] = this.#valueStart;
    offsets[slot + 3] = valueEnd;
    const id = this.#names.find(bytes, base + this.#lineStart, base + this.#nameEnd);
    this.ids[count] = id;
    this.count = count + 1;
    if (id !== FIELD.other && id <= FIELD.transferEncoding) this.#checkOnce(id, count);
  }

  /** Host, Content-Length, Transfer-Encoding: once, and not both of the latter (RFC 9112 §3.2, §6). */
  #checkOnce(id: number, index: number): void {
    if (id === FIELD.host) {
      if (this.#hasHost) throw new Http1Error("HOST", "Host is repeated");
      this.#hasHost = true;
      return;
    }
    if (id === FIELD.contentLength) {
      if (this.contentLength !== undefined) {
        throw new Http1Error("CONTENT_LENGTH", "Content-Length is repeated");
      }
      this.contentLength = this.#parseLength(index);
    } else {
      if (this.isCoded) throw new Http1Error("TRANSFER_ENCODING", "Transfer-Encoding is repeated");
      this.isCoded = true;
    }
    if (this.isCoded && this.contentLength !== undefined) {
      const what = "Content-Length and Transfer-Encoding stand in one message";
      throw new Http1Error("TRANSFER_ENCODING", what);
    }
  }

  #parseLength(index: number): number {
    const { bytes, base, offsets } = this;
    const start = base + (offsets[index * 4 + 2] as number);
    const end = base + (offsets[index * 4 + 3] as number);
    if (end === start) throw new Http1Error("CONTENT_LENGTH", "Content-Length is empty");
    if (end - start > MAX_LENGTH_DIGITS) {
      const what = "Content-Length has too many digits";
      throw new Http1Error("CONTENT_LENGTH", what, MAX_LENGTH_DIGITS);
    }
    let length = 0;
    for (let at = start; at < end; at++) {
      const digit = (bytes[at] as number) - 48;
      if (digit < 0 || digit > 9) {
        throw new Http1Error("CONTENT_LENGTH", "Content-Length is not a plain decimal number");
      }
      length = length * 10 + digit;
    }
    return length;
  }

  /** The name of field `index`, its letters as they were sent. */
  nameAt(index: number): string {
    return this.#text(index * 4);
  }

  /** The value of field `index` without surrounding white space; obs-text reads as Latin-1. */
  valueAt(index: number): string {
    return this.#text(index * 4 + 2);
  }

  /** Whether the value of field `index` is `lower`, letters compared without case. */
  isValue(index: number, lower: Uint8Array): boolean {
    const { offsets, base, bytes } = this;
    const start = offsets[index * 4 + 2] as number;
    const length = (offsets[index * 4 + 3] as number) - start;
    return length === lower.length && equalsLower(bytes, base + start, lower);
  }

  /** Whether the value of field `index` is these bytes, and not empty. */
  isExactly(index: number, value: Uint8Array): boolean {
    const { offsets, base, bytes } = this;
    const start = offsets[index * 4 + 2] as number;
    const { length } = value;
    if (length === 0 || (offsets[index * 4 + 3] as number) - start !== length) return false;
    for (let i = 0; i < length; i++) if (bytes[base + start + i] !== value[i]) return false;
    return true;
  }

  #text(slot: number): string {
    const { offsets, base } = this;
    const start = base + (offsets[slot] as number);
    return latin1(this.bytes, start, base + (offsets[slot + 1] as number));
  }

  /** The first field with this id, or -1. */
  indexOfId(id: number): number {
    const { ids, count } = this;
    for (let index = 0; index < count; index++) if (ids[index] === id) return index;
    return -1;
  }

  /** The value of the first field with this id; `undefined`: there is none. */
  findById(id: number): string | undefined {
    const index = this.indexOfId(id);
    return index < 0 ? undefined : this.valueAt(index);
  }

  /** All values of this lower-case name, known to the table or not, joined by `,`; `undefined`: none. */
  find(name: string): string | undefined {
    let joined: string | undefined;
    for (let index = this.indexOf(name, 0); index >= 0; index = this.indexOf(name, index + 1)) {
      const value = this.valueAt(index);
      joined = joined === undefined ? value : `${joined},${value}`;
    }
    return joined;
  }

  /** The first field from index `from` on with this lower-case name, or -1. Makes no string. */
  indexOf(name: string, from: number): number {
    const { offsets, count } = this;
    const { length } = name;
    for (let index = from; index < count; index++) {
      const slot = index * 4;
      const isAsLong = (offsets[slot + 1] as number) - (offsets[slot] as number) === length;
      if (isAsLong && this.#isName(offsets[slot] as number, name)) return index;
    }
    return -1;
  }

  #isName(start: number, lower: string): boolean {
    const { bytes } = this;
    const at = this.base + start;
    // From the end: names that share a length mostly share a prefix too (`x-…`, `accept-…`).
    for (let i = lower.length - 1; i >= 0; i--) {
      if (LOWER[bytes[at + i] as number] !== lower.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Marks every field with one of these lower-case names: no copy passes it on. */
  drop(names: ReadonlySet<string>): void {
    for (let index = 0; index < this.count; index++) {
      if (names.has(this.nameAt(index).toLowerCase())) this.ids[index] = FIELD.dropped;
    }
  }

  /** Marks the fields with this id. */
  dropId(id: number): void {
    for (let index = this.indexOfId(id); index >= 0; index = this.indexOfId(id)) {
      this.ids[index] = FIELD.dropped;
    }
  }
}

const EMPTY = Buffer.alloc(0);

/** More digits than this would pass 2^53; no body is that long. */
const MAX_LENGTH_DIGITS = 15;

function lineStartFault(byte: number): Http1Error {
  if (byte === SP || byte === HTAB) {
    return new Http1Error("FOLDED_FIELD", "a field line starts with white space (obs-fold)");
  }
  if (byte === LF) return new Http1Error("LINE_END", "a bare LF stands where a field should start");
  return new Http1Error("FIELD_NAME", `a field name starts with ${byteName(byte)}`);
}

function nameFault(byte: number): Http1Error {
  if (byte === SP || byte === HTAB) {
    return new Http1Error("FIELD_NAME", "white space stands between a field name and its colon");
  }
  if (byte === CR || byte === LF) return new Http1Error("FIELD_NAME", "a field line has no colon");
  return new Http1Error("FIELD_NAME", `a field name holds ${byteName(byte)}`);
}

function valueFault(byte: number): Http1Error {
  if (byte === LF) return new Http1Error("LINE_END", "a bare LF ends a field line");
  return new Http1Error("FIELD_VALUE", `a field value holds ${byteName(byte)}`);
}

/** A byte as people write it in a message: `0x0b`. */
export function byteName(byte: number): string {
  return `byte 0x${byte.toString(16).padStart(2, "0")}`;
}
