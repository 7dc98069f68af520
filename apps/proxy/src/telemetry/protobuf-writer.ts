const FIRST_BYTES = 16 * 1024;

/**
 * Writes protobuf's wire format into one growing buffer. Only what OTLP needs; fields are written even
 * when they hold their default, which every reader accepts (decision 16 says why not a library).
 */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #end = 0;

  /** A copy of all that was written; the writer starts again from nothing. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#end));
    this.#end = 0;
    if (this.#bytes.length > 64 * FIRST_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    return taken;
  }

  /** A nested message: its length is put in front once it is known. */
  message(field: number, writeBody: () => void): void {
    this.#tag(field, 2);
    this.#reserve(1);
    const start = ++this.#end;
    writeBody();
    const length = this.#end - start;
    const extra = varintBytes(length) - 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(start + extra, start, this.#end);
    }
    this.#end = start - 1;
    this.#varint(length);
    this.#end += length;
  }

  string(field: number, text: string): void {
    const length = Buffer.byteLength(text);
    this.#tag(field, 2);
    this.#varint(length);
    this.#reserve(length);
    this.#bytes.write(text, this.#end, length, "utf8");
    this.#end += length;
  }

  /** Bytes given as hexadecimal digits. */
  hex(field: number, digits: string): void {
    const length = digits.length >>> 1;
    this.#tag(field, 2);
    this.#varint(length);
    this.#reserve(length);
    this.#bytes.write(digits, this.#end, length, "hex");
    this.#end += length;
  }

  /** A whole number from 0 to 2^53 - 1; also enums and booleans. */
  uint(field: number, value: number): void {
    this.#tag(field, 0);
    this.#varint(value);
  }

  /** sint32: zigzag. */
  sint(field: number, value: number): void {
    this.#tag(field, 0);
    this.#varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  double(field: number, value: number): void {
    this.#tag(field, 1);
    this.#reserve(8);
    this.#end = this.#bytes.writeDoubleLE(value, this.#end);
  }

  /** fixed64 or sfixed64 of a whole number from 0 to 2^53 - 1. */
  fixed64(field: number, value: number): void {
    this.fixedBig64(field, BigInt(value));
  }

  fixedBig64(field: number, value: bigint): void {
    this.#tag(field, 1);
    this.#reserve(8);
    this.#end = this.#bytes.writeBigUInt64LE(value, this.#end);
  }

  /** Packed uint64: `values[from, to)`. */
  packed(field: number, values: Uint32Array, from: number, to: number): void {
    this.message(field, () => {
      for (let index = from; index < to; index++) this.#varint(values[index] as number);
    });
  }

  /** Bytes that already are wire format, such as attributes encoded once. */
  raw(bytes: Buffer): void {
    this.#reserve(bytes.length);
    bytes.copy(this.#bytes, this.#end);
    this.#end += bytes.length;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#end++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#end++] = rest;
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#end + count));
    this.#bytes.copy(grown, 0, 0, this.#end);
    this.#bytes = grown;
  }
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}
