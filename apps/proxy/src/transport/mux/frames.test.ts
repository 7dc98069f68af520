import assert from "node:assert/strict";
import { test } from "node:test";
import { OutBuffer } from "@heddle/http1";
import fc from "fast-check";
import {
  END,
  FRAME,
  FrameReader,
  type FrameSink,
  HEADER_BYTES,
  MAX_DATA_BYTES,
  MAX_SECTION_BYTES,
  writeHeader,
} from "./frames.ts";
import { MuxError } from "./mux-error.ts";

type Seen = { type: number; isEnd: boolean; stream: number; payload: Buffer; isWhole: boolean };

class Collector implements FrameSink {
  isClosed = false;
  readonly frames: Seen[] = [];

  onFrame(type: number, isEnd: boolean, stream: number): void {
    this.frames.push({ type, isEnd, stream, payload: Buffer.alloc(0), isWhole: false });
  }

  onPayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    const frame = this.frames.at(-1);
    assert.ok(frame !== undefined && !frame.isWhole, "payload without a frame");
    frame.payload = Buffer.concat([frame.payload, bytes.subarray(start, end)]);
    frame.isWhole = isLast;
  }
}

/** What a reader makes of `bytes` cut at `cuts`: frames, and the fault that ended it. */
function read(
  bytes: Buffer,
  cuts: readonly number[],
): { frames: Seen[]; fault: string | undefined } {
  const reader = new FrameReader();
  const sink = new Collector();
  const places = [...cuts].sort((a, b) => a - b);
  let start = 0;
  try {
    for (const end of [...places, bytes.length]) {
      reader.read(bytes, start, end, sink);
      start = end;
    }
  } catch (error) {
    assert.ok(error instanceof MuxError, `not a MuxError: ${String(error)}`);
    return { frames: sink.frames, fault: error.fault };
  }
  return { frames: sink.frames, fault: undefined };
}

const anyFrame = fc
  .record({
    type: fc.integer({ min: 0, max: 8 }),
    isEnd: fc.boolean(),
    stream: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 0xffff_ffff })),
    payload: fc.uint8Array({ maxLength: 300 }),
  })
  .map(({ type, isEnd, stream, payload }) => {
    const out = new OutBuffer(16);
    writeHeader(out, type, isEnd, stream, payload.length);
    return Buffer.concat([out.bytes.subarray(0, out.length), payload]);
  });
const anyBytes = fc
  .array(
    fc.oneof(
      anyFrame,
      fc.uint8Array({ maxLength: 40 }).map((part) => Buffer.from(part)),
    ),
  )
  .map((parts) => Buffer.concat(parts));

test("makes frames or its own fault of any bytes, the same wherever they are cut", () => {
  fc.assert(
    fc.property(anyBytes, fc.array(fc.nat()), (bytes, cuts) => {
      const whole = read(bytes, []);
      assert.deepEqual(
        read(
          bytes,
          cuts.map((cut) => cut % (bytes.length + 1)),
        ),
        whole,
      );
      assert.deepEqual(
        read(
          bytes,
          Array.from({ length: bytes.length }, (_, index) => index),
        ),
        whole,
      );
    }),
  );
});

test("reads back what is written", () => {
  const payloads = [1, 7, 300, MAX_DATA_BYTES].map((size) => Buffer.alloc(size, size));
  const out = new OutBuffer(16);
  for (const [index, payload] of payloads.entries()) {
    writeHeader(out, FRAME.data, index % 2 === 1, index + 1, payload.length);
    out.copy(payload, 0, payload.length);
  }
  const { frames, fault } = read(out.bytes.subarray(0, out.length), [3, 20, 5_000]);
  assert.equal(fault, undefined);
  assert.deepEqual(
    frames,
    payloads.map((payload, index) => ({
      type: FRAME.data,
      isEnd: index % 2 === 1,
      stream: index + 1,
      payload,
      isWhole: true,
    })),
  );
});

const header = (length: number, type: number, stream: number) => {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUIntBE(length, 0, 3);
  bytes[3] = type;
  bytes.writeUInt32BE(stream, 4);
  return bytes;
};

const refused: Readonly<Record<string, readonly [Buffer, string]>> = {
  "an unknown type": [header(0, 7, 1), "FRAME_TYPE"],
  "a stream with the highest bit set": [header(0, FRAME.data, 0x8000_0001), "FRAME_STREAM"],
  "a body of the connection": [header(1, FRAME.data, 0), "FRAME_STREAM"],
  "a ping of a stream": [header(8, FRAME.ping, 1), "FRAME_STREAM"],
  "more data than a frame may hold": [header(MAX_DATA_BYTES + 1, FRAME.data, 1), "FRAME_LENGTH"],
  "an empty head": [header(0, FRAME.head, 1), "FRAME_LENGTH"],
  "a head above the limit": [header(MAX_SECTION_BYTES + 1, FRAME.head, 1), "FRAME_LENGTH"],
  "a window of three bytes": [header(3, FRAME.window, 1), "FRAME_LENGTH"],
  "a reset with END": [header(1, FRAME.reset | END, 1), "FRAME_FLAG"],
  "trailers without END": [header(5, FRAME.trailers, 1), "FRAME_FLAG"],
};
for (const [what, [bytes, fault]] of Object.entries(refused)) {
  test(`refuses ${what} before any of its payload`, () => {
    assert.deepEqual(read(bytes, []), { frames: [], fault });
  });
}
