import type { OutBuffer } from "@heddle/http1";
import { MuxError } from "./mux-error.ts";

/**
 * heddle-mux/1, the leg between two sidecars: one TLS connection carries many requests.
 *
 * A frame is eight bytes, then its payload: length of the payload (24 bits), type (7 bits, below the
 * flag END at the top), stream (32 bits, the highest 0). All numbers in network order. Streams are opened
 * by the client, each with a higher number than the one before; stream 0 is the connection.
 *
 *   DATA      body, or a tunnel's bytes. END: this side sends no more on this stream.
 *   HEAD      one HTTP/1.1 head as text; Transfer-Encoding: chunked in it says only that the length is
 *             not known, the body comes in DATA frames as it is. A client's opens the stream.
 *   TRAILERS  a trailer section as it stands behind the last chunk (`0`, fields, an empty line); always END.
 *   RESET     one byte, `RESET_CODE`: nothing more comes or is wanted on this stream.
 *   WINDOW    four bytes: so many more bytes of DATA may come on this stream. Each direction of each
 *             stream starts with `INITIAL_CREDIT`.
 *   PING      eight bytes, sent back with END.
 *   GOAWAY    one byte, `GOAWAY_CODE`: no new streams, please; the client closes when the last has ended.
 */
export const FRAME = Object.freeze({
  data: 0,
  head: 1,
  trailers: 2,
  reset: 3,
  window: 4,
  ping: 5,
  goaway: 6,
});

export const RESET_CODE = Object.freeze({
  /** Nobody waits for the answer any more. */
  cancel: 0,
  /** The request was not looked at: it may be sent again, whatever it is. */
  refused: 1,
  /** What came on the stream is not a message. */
  protocol: 2,
  /** The message broke off where it came from. */
  broken: 3,
  /** The answer is whole; the rest of the request is not wanted. */
  stop: 4,
});

export const GOAWAY_CODE = Object.freeze({ drain: 0, protocol: 1 });

export const HEADER_BYTES = 8;
export const END = 0x80;
export const MAX_DATA_BYTES = 65_536;
/**
 * Of a head or a trailer section: above what any proxy can be set to take. Its reader has the limits that
 * count, and refuses the one message, where a bound on frames would cost all others their connection.
 */
export const MAX_SECTION_BYTES = 2_097_152;
export const INITIAL_CREDIT = 262_144;
export const MAX_CREDIT = 0x7fff_ffff;
export const MAX_STREAM = 0x7fff_ffff;
/** What stands around the fields of a trailer section. */
const TRAILER_FRAME_BYTES = 5;

/** Takes frames as they come. */
export interface FrameSink {
  /** True once the sink wants nothing more. */
  readonly isClosed: boolean;
  /** A header that is allowed by itself; its payload follows in one or more calls of `onPayload`. */
  onFrame(type: number, isEnd: boolean, stream: number, length: number): void;
  /** A part of the payload, `bytes[start, end)`, empty if the frame is. */
  onPayload(bytes: Buffer, start: number, end: number, isLast: boolean): void;
}

/** Takes frames off a stream of bytes, wherever it is cut. Throws `MuxError`. */
export class FrameReader {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #remaining = 0;

  read(bytes: Buffer, start: number, end: number, sink: FrameSink): void {
    let at = start;
    while (at < end && !sink.isClosed) {
      if (this.#remaining > 0) {
        const next = Math.min(end, at + this.#remaining);
        this.#remaining -= next - at;
        sink.onPayload(bytes, at, next, this.#remaining === 0);
        at = next;
      } else at = this.#readHeader(bytes, at, end, sink);
    }
  }

  #readHeader(bytes: Buffer, start: number, end: number, sink: FrameSink): number {
    if (this.#headerBytes === 0 && end - start >= HEADER_BYTES) {
      this.#begin(bytes, start, sink);
      return start + HEADER_BYTES;
    }
    const next = Math.min(end, start + HEADER_BYTES - this.#headerBytes);
    bytes.copy(this.#header, this.#headerBytes, start, next);
    this.#headerBytes += next - start;
    if (this.#headerBytes === HEADER_BYTES) {
      this.#headerBytes = 0;
      this.#begin(this.#header, 0, sink);
    }
    return next;
  }

  #begin(header: Buffer, at: number, sink: FrameSink): void {
    const length =
      ((header[at] as number) << 16) |
      ((header[at + 1] as number) << 8) |
      (header[at + 2] as number);
    const flagged = header[at + 3] as number;
    const type = flagged & 0x7f;
    const isEnd = (flagged & END) !== 0;
    const stream = header.readUInt32BE(at + 4);
    this.#check(type, isEnd, stream, length);
    this.#remaining = length;
    sink.onFrame(type, isEnd, stream, length);
    if (length === 0 && !sink.isClosed) sink.onPayload(header, at, at, true);
  }

  #check(type: number, isEnd: boolean, stream: number, length: number): void {
    if (type > FRAME.goaway) throw new MuxError("FRAME_TYPE", `no frame has the type ${type}`);
    const isOfConnection = type === FRAME.ping || type === FRAME.goaway;
    if ((stream === 0) !== isOfConnection || stream > MAX_STREAM) {
      throw new MuxError("FRAME_STREAM", `a frame of type ${type} names stream ${stream}`);
    }
    if (isEnd ? type >= FRAME.reset && type !== FRAME.ping : type === FRAME.trailers) {
      throw new MuxError("FRAME_FLAG", `a frame of type ${type} ${isEnd ? "has" : "lacks"} END`);
    }
    const [least, most] = BOUNDS[type] as readonly [least: number, most: number];
    if (length < least || length > most) {
      const what = `a frame of type ${type} has ${length} bytes, not ${least} to ${most}`;
      throw new MuxError("FRAME_LENGTH", what);
    }
  }
}

/** Payload bytes by type of frame. */
const BOUNDS: readonly (readonly [least: number, most: number])[] = [
  [0, MAX_DATA_BYTES],
  [1, MAX_SECTION_BYTES],
  [TRAILER_FRAME_BYTES, MAX_SECTION_BYTES],
  [1, 1],
  [4, 4],
  [8, 8],
  [1, 1],
];

/** Appends a header; where the length is not known yet, `setLength` writes it later. Returns its place. */
export function writeHeader(
  out: OutBuffer,
  type: number,
  isEnd: boolean,
  stream: number,
  length: number,
): number {
  out.reserve(HEADER_BYTES);
  const at = out.length;
  const { bytes } = out;
  setLength(out, at, length);
  bytes[at + 3] = isEnd ? type | END : type;
  bytes[at + 4] = stream >>> 24;
  bytes[at + 5] = (stream >>> 16) & 0xff;
  bytes[at + 6] = (stream >>> 8) & 0xff;
  bytes[at + 7] = stream & 0xff;
  out.length = at + HEADER_BYTES;
  return at;
}

export function setLength(out: OutBuffer, at: number, length: number): void {
  const { bytes } = out;
  bytes[at] = length >>> 16;
  bytes[at + 1] = (length >>> 8) & 0xff;
  bytes[at + 2] = length & 0xff;
}

/** Appends one frame of a single byte of payload. */
export function writeByteFrame(out: OutBuffer, type: number, stream: number, byte: number): void {
  writeHeader(out, type, false, stream, 1);
  out.reserve(1);
  out.bytes[out.length++] = byte;
}

export function writeWindow(out: OutBuffer, stream: number, bytes: number): void {
  writeHeader(out, FRAME.window, false, stream, 4);
  out.reserve(4);
  out.bytes.writeUInt32BE(bytes, out.length);
  out.length += 4;
}
