import { CR, LF, SP } from "./characters.ts";
import type { FieldBlock } from "./field-block.ts";
import { FIELD } from "./field-names.ts";

const COLON = 0x3a;
const HEX_DIGITS = Buffer.from("0123456789abcdef");
const CRLF = "\r\n";
const LAST_CHUNK = "0\r\n";
/** Below this a loop beats a call into the runtime. */
const LOOP_BYTES = 24;

type Latin1Target = Buffer & { latin1Write(text: string, offset: number, length: number): number };

/** Which fields a copy leaves out: 1 at the id of each. Index with the ids of one `FieldNames`. */
export type FieldMask = Uint8Array;

/** A mask of these ids and, with `isHopByHop`, of every field that ends at this hop (RFC 9110 §7.6.1). */
export function fieldMask(ids: readonly number[], options: { isHopByHop: boolean }): FieldMask {
  const mask = new Uint8Array(64);
  if (options.isHopByHop) for (const id of HOP_BY_HOP) mask[id] = 1;
  for (const id of ids) mask[id] = 1;
  return mask;
}

const HOP_BY_HOP: readonly number[] = [
  FIELD.connection,
  FIELD.keepAlive,
  FIELD.proxyConnection,
  FIELD.te,
  FIELD.transferEncoding,
  FIELD.upgrade,
  FIELD.http2Settings,
  FIELD.proxyAuthorization,
  FIELD.dropped,
];

/**
 * Bytes on their way out: heads, chunk framing and payload of one message side by side, so that one
 * write carries them. Grows as needed; whoever bounds what is read bounds this. A caller that hands
 * `bytes` to a writer that keeps them takes another buffer with `replace` first.
 */
export class OutBuffer {
  bytes: Buffer;
  length = 0;

  constructor(initialBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(initialBytes);
  }

  /** Drops the content, keeps the memory. */
  clear(): void {
    this.length = 0;
  }

  /** Drops the content and leaves the memory to whoever holds it now. */
  replace(): void {
    this.bytes = Buffer.allocUnsafeSlow(this.bytes.length);
    this.length = 0;
  }

  /** Makes room for `more` bytes. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  /** Appends text of one byte a character; what lies above U+00FF would be cut. */
  text(text: string): void {
    this.reserve(text.length);
    if (text.length <= LOOP_BYTES) {
      const { bytes, length } = this;
      for (let i = 0; i < text.length; i++) bytes[length + i] = text.charCodeAt(i);
      this.length = length + text.length;
      return;
    }
    this.length += (this.bytes as Latin1Target).latin1Write(text, this.length, text.length);
  }

  /** Appends `source[start, end)`. */
  copy(source: Buffer, start: number, end: number): void {
    const size = end - start;
    this.reserve(size);
    const { bytes, length } = this;
    if (size <= LOOP_BYTES) {
      for (let i = 0; i < size; i++) bytes[length + i] = source[start + i] as number;
    } else source.copy(bytes, length, start, end);
    this.length = length + size;
  }

  /** Appends `source[start, end)` as lower-case hexadecimal digits. */
  hex(source: Uint8Array, start: number, end: number): void {
    this.reserve(2 * (end - start));
    const { bytes } = this;
    let at = this.length;
    for (let index = start; index < end; index++) {
      const byte = source[index] as number;
      bytes[at++] = HEX_DIGITS[byte >>> 4] as number;
      bytes[at++] = HEX_DIGITS[byte & 15] as number;
    }
    this.length = at;
  }

  /** Appends `name: value` and CRLF. The caller vouches for both. */
  field(name: string, value: string): void {
    this.text(`${name}: ${value}${CRLF}`);
  }

  /** Ends a head. */
  endHead(): void {
    this.text(CRLF);
  }

  /**
   * Appends all fields but those in `mask`, each as `name: value` whatever white space it came with.
   * Neighbours that already look so are copied as one block.
   */
  fields(block: FieldBlock, mask: FieldMask): void {
    const { bytes, base, offsets, ids, count } = block;
    let runStart = -1;
    let runEnd = -1;
    for (let index = 0; index < count; index++) {
      if (mask[ids[index] as number] === 1) continue;
      const slot = index * 4;
      const lineStart = base + (offsets[slot] as number);
      const nameEnd = base + (offsets[slot + 1] as number);
      const valueStart = base + (offsets[slot + 2] as number);
      const valueEnd = base + (offsets[slot + 3] as number);
      const isCanonical =
        valueStart === nameEnd + 2 && bytes[nameEnd + 1] === SP && bytes[valueEnd] === CR;
      if (isCanonical && lineStart === runEnd) runEnd = valueEnd + 2;
      else {
        if (runEnd > runStart) this.copy(bytes, runStart, runEnd);
        if (isCanonical) {
          runStart = lineStart;
          runEnd = valueEnd + 2;
        } else {
          runStart = runEnd = -1;
          this.#field(bytes, lineStart, nameEnd, valueStart, valueEnd);
        }
      }
    }
    if (runEnd > runStart) this.copy(bytes, runStart, runEnd);
  }

  #field(bytes: Buffer, start: number, nameEnd: number, valueStart: number, end: number): void {
    this.copy(bytes, start, nameEnd);
    this.#byte(COLON);
    this.#byte(SP);
    this.copy(bytes, valueStart, end);
    this.#byte(CR);
    this.#byte(LF);
  }

  #byte(byte: number): void {
    this.reserve(1);
    this.bytes[this.length++] = byte;
  }

  /** Appends one chunk that holds `source[start, end)`; nothing for an empty range, which would end the body. */
  chunk(source: Buffer, start: number, end: number): void {
    const size = end - start;
    if (size === 0) return;
    let shift = 0;
    while (size >>> (shift + 4) > 0) shift += 4;
    for (; shift >= 0; shift -= 4) this.#byte(HEX_DIGITS[(size >>> shift) & 15] as number);
    this.#byte(CR);
    this.#byte(LF);
    this.copy(source, start, end);
    this.#byte(CR);
    this.#byte(LF);
  }

  /** Ends a chunked body, with the trailer fields not in `mask`. */
  endChunks(trailers: FieldBlock | undefined, mask: FieldMask): void {
    this.text(LAST_CHUNK);
    if (trailers !== undefined) this.fields(trailers, mask);
    this.text(CRLF);
  }
}
