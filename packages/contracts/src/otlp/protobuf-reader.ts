import { OtlpDecodeError } from "./telemetry.ts";

const INTERN_SLOTS = 4096;
const INTERN_MAX_LENGTH = 96;
const TWO_32 = 4_294_967_296;

/** Shared by all readers: the same few hundred names and labels come every second. Fixed in size. */
const internTable: string[] = new Array<string>(INTERN_SLOTS).fill("");

/**
 * Reads protobuf's wire format (https://protobuf.dev/programming-guides/encoding/). Every read is
 * checked against the end of the message it is in; a fault throws `OtlpDecodeError`.
 */
export class ProtobufReader {
  readonly #bytes: Buffer;
  pos = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** A field's key: (field number << 3) | wire type. */
  tag(end: number): number {
    const tag = this.varint(end);
    if (tag >>> 3 === 0 || tag > 0xff_ff_ff_ff) this.#fail(`invalid field key ${tag}`);
    return tag;
  }

  /** An unsigned varint up to 2^53; more is a fault, as no count or size of ours can be that large. */
  varint(end: number): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      if (this.pos >= end) this.#fail("message ends inside a varint");
      const byte = this.#bytes[this.pos++] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) this.#fail("varint above 2^53");
        return value;
      }
      factor *= 128;
    }
    return this.#fail("varint longer than 10 bytes");
  }

  /** A varint that may hold a negative int64 (ten bytes). */
  int64(end: number): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.pos >= end) this.#fail("message ends inside a varint");
      const byte = this.#bytes[this.pos++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    return this.#fail("varint longer than 10 bytes");
  }

  /** A zigzag-coded sint32. */
  sint32(end: number): number {
    const raw = this.varint(end);
    if (raw > 0xff_ff_ff_ff) this.#fail("sint32 out of range");
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  fixed64(end: number): bigint {
    const at = this.#take(8, end);
    return this.#bytes.readBigUInt64LE(at);
  }

  /** An unsigned count in 8 bytes, as a number; above 2^53 is a fault. */
  fixed64Count(end: number): number {
    const at = this.#take(8, end);
    const value = this.#bytes.readUInt32LE(at) + this.#bytes.readUInt32LE(at + 4) * TWO_32;
    return value <= Number.MAX_SAFE_INTEGER ? value : this.#fail("count above 2^53");
  }

  sfixed64(end: number): number {
    const at = this.#take(8, end);
    return Number(this.#bytes.readBigInt64LE(at));
  }

  double(end: number): number {
    return this.#bytes.readDoubleLE(this.#take(8, end));
  }

  /** Reads a length and returns the end of the message that starts here. */
  enter(end: number): number {
    const length = this.varint(end);
    if (length > end - this.pos) this.#fail(`length ${length} passes the end of the message`);
    return this.pos + length;
  }

  /** UTF-8 text; short ASCII comes from a table, so that repeated labels share one string. */
  string(end: number): string {
    const stop = this.enter(end);
    const start = this.pos;
    this.pos = stop;
    const length = stop - start;
    if (length > INTERN_MAX_LENGTH) return this.#bytes.toString("utf8", start, stop);
    let hash = length;
    for (let i = start; i < stop; i++)
      hash = (Math.imul(hash, 31) + (this.#bytes[i] as number)) | 0;
    const slot = (hash ^ (hash >>> 13)) & (INTERN_SLOTS - 1);
    const known = internTable[slot] as string;
    if (this.#isAscii(known, start, length)) return known;
    const text = this.#bytes.toString("utf8", start, stop);
    internTable[slot] = text;
    return text;
  }

  hex(end: number): string {
    const stop = this.enter(end);
    const text = this.#bytes.toString("hex", this.pos, stop);
    this.pos = stop;
    return text;
  }

  base64(end: number): string {
    const stop = this.enter(end);
    const text = this.#bytes.toString("base64", this.pos, stop);
    this.pos = stop;
    return text;
  }

  /** Passes over a field of any kind; groups (wire types 3, 4) are a fault, OTLP has none. */
  skip(tag: number, end: number): void {
    switch (tag & 7) {
      case 0:
        this.int64(end);
        return;
      case 1:
        this.#take(8, end);
        return;
      case 2:
        this.pos = this.enter(end);
        return;
      case 5:
        this.#take(4, end);
        return;
      default:
        this.#fail(`unknown wire type ${tag & 7}`);
    }
  }

  #isAscii(text: string, start: number, length: number): boolean {
    if (text.length !== length) return false;
    for (let i = 0; i < length; i++) {
      const byte = this.#bytes[start + i] as number;
      if (byte > 0x7f || text.charCodeAt(i) !== byte) return false;
    }
    return true;
  }

  #take(size: number, end: number): number {
    const at = this.pos;
    if (end - at < size) this.#fail("message ends inside a value");
    this.pos = at + size;
    return at;
  }

  #fail(message: string): never {
    throw new OtlpDecodeError(message, this.pos);
  }
}

/** A length-delimited field's key. */
export function bytesField(number: number): number {
  return (number << 3) | 2;
}

/** A varint field's key. */
export function varintField(number: number): number {
  return number << 3;
}

/** An 8-byte field's key. */
export function fixed64Field(number: number): number {
  return (number << 3) | 1;
}
