import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BodyReader,
  DEFAULT_LIMITS,
  FIELD,
  FieldNames,
  fieldMask,
  Http1Error,
  type Http1Limits,
  OutBuffer,
  RequestParser,
  ResponseParser,
} from "../src/index.ts";
import { requestBytes, responseBytes } from "./arbitrary-messages.ts";
import { endToEnd } from "./end-to-end.ts";
import { fuzzSettings } from "./fuzz-settings.ts";
import { fieldList, readMessages } from "./read-messages.ts";

const names = new FieldNames();
const small: Http1Limits = {
  maxLineBytes: 64,
  maxHeadBytes: 160,
  maxFields: 5,
  maxChunkExtensionBytes: 8,
  maxMessageExtensionBytes: 12,
};
const limits = fc.constantFrom(DEFAULT_LIMITS, DEFAULT_LIMITS, small);
const cuts = fc.array(fc.nat(4_000), { maxLength: 12 });
const requestMethod = fc.constantFrom("GET", "GET", "HEAD", "CONNECT");

function splitAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort(
    (a, b) => a - b,
  );
  return [0, ...sorted].map((start, i) => bytes.subarray(start, sorted[i] ?? bytes.length));
}

for (const [kind, bytesOfKind] of [
  ["request", requestBytes],
  ["response", responseBytes],
] as const) {
  test(`any bytes of a ${kind} stream end in messages or the codec's own error, however they are cut`, () => {
    fc.assert(
      fc.property(bytesOfKind, cuts, limits, requestMethod, (bytes, places, bounds, method) => {
        const options = { limits: bounds, requestMethod: method, isEnded: true };
        const whole = readMessages(kind, [bytes], options);
        assert.deepEqual(readMessages(kind, splitAt(bytes, places), options), whole);
        const single = Array.from(bytes, (byte) => Buffer.of(byte));
        assert.deepEqual(readMessages(kind, single, options), whole);
      }),
      fuzzSettings(1_000),
    );
  });
}

const MASK = fieldMask([FIELD.host, FIELD.contentLength], { isHopByHop: true });
const TRAILER_MASK = fieldMask([], { isHopByHop: true });

/** Writes what was read the way a proxy does: from offsets, with framing of its own. */
class Forwarder {
  readonly out = new OutBuffer(64);
  readonly #body = new BodyReader(names);

  onBody(bytes: Buffer, start: number, end: number): void {
    if (this.#body.kind === "chunked") this.out.chunk(bytes, start, end);
    else this.out.copy(bytes, start, end);
  }

  /** The first message of `bytes`, `undefined` when it is refused, cut or no plain HTTP. */
  forward(head: RequestParser | ResponseParser, bytes: Buffer): Buffer | undefined {
    try {
      const at = head.parse(bytes, 0, bytes.length);
      if (at < 0 || head.body === "tunnel") return undefined;
      if (head instanceof ResponseParser && head.status < 200) return undefined;
      this.#writeHead(head);
      this.#body.reset(head.body, head.contentLength);
      this.#body.read(bytes, at, bytes.length, this);
      this.#body.end();
      if (head.body === "chunked") this.out.endChunks(this.#body.trailers, TRAILER_MASK);
      return Buffer.from(this.out.bytes.subarray(0, this.out.length));
    } catch (error) {
      if (error instanceof Http1Error) return undefined;
      throw error;
    }
  }

  #writeHead(head: RequestParser | ResponseParser): void {
    const { out } = this;
    out.text(
      head instanceof RequestParser
        ? `${head.method} ${head.path} HTTP/1.1\r\nhost: ${head.authority ?? ""}\r\n`
        : `HTTP/1.1 ${head.status} ${head.reason}\r\n`,
    );
    out.fields(head.fields, MASK);
    if (head.body === "chunked") out.field("transfer-encoding", "chunked");
    if (head.body === "length") out.field("content-length", String(head.contentLength));
    out.endHead();
  }
}

for (const [kind, bytesOfKind] of [
  ["request", requestBytes],
  ["response", responseBytes],
] as const) {
  test(`a forwarded ${kind} is one ${kind} that means the same`, () => {
    let forwardedCount = 0;
    fc.assert(
      fc.property(bytesOfKind, (bytes) => {
        const head = kind === "request" ? new RequestParser(names) : new ResponseParser(names);
        if (head instanceof RequestParser) head.reset();
        else head.reset("GET");
        const forwarded = new Forwarder().forward(head, bytes);
        if (forwarded === undefined) return;
        forwardedCount++;
        const [first] = readMessages(kind, [bytes], {
          isEnded: true,
          ignoresUpgrade: true,
        }).messages;
        const again = readMessages(kind, [forwarded], { isEnded: true, ignoresUpgrade: true });
        assert.equal(again.fault, undefined, `${again.detail} in ${forwarded.toString("latin1")}`);
        assert.equal(again.messages.length, 1);
        const [second] = again.messages;
        assert.ok(first !== undefined && second !== undefined);
        assert.deepEqual(endToEnd(second), endToEnd(first));
      }),
      fuzzSettings(1_500),
    );
    assert.ok(forwardedCount > 100, `${forwardedCount} messages were forwarded`);
  });
}

/** Shapes that are expensive to a parser that looks twice, 64 KiB of each. */
const HEAD = "GET / HTTP/1.1\r\nHost: a\r\n";
const line = (text: string) => `${text}\r\n`;
const fill = (text: string, bytes: number) => text.repeat(Math.floor(bytes / text.length));
const EXPENSIVE: Readonly<Record<string, string>> = {
  "a Connection of thousands of options": `${HEAD}${line(`Connection: ${fill("a,", 16_000)}`).repeat(3)}${Array.from({ length: 90 }, (_, i) => line(`x${i}: 1`)).join("")}\r\n`,
  "a Connection of spaces": `${HEAD}${line(`Connection: ${" ".repeat(16_000)}x`).repeat(3)}\r\n`,
  "a value that ends in spaces": `${HEAD}${line(`X: ${" ".repeat(16_000)}`).repeat(3)}\r\n`,
  "a TE of thousands of codings": `${HEAD}Connection: te\r\n${line(`TE: ${fill("a,", 16_000)}`)}\r\n`,
  "a Host of colons": `GET / HTTP/1.1\r\nHost: ${":".repeat(16_000)}\r\n\r\n`,
  "an absolute target of colons": `GET http://${":".repeat(16_000)}/ HTTP/1.1\r\nHost: a\r\n\r\n`,
  "a CONNECT target of dots": `CONNECT ${".".repeat(16_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  "chunks of one byte": `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${fill("1\r\na\r\n", 64_000)}0\r\n\r\n`,
  "a hundred trailers": `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${line(`x: ${"a".repeat(600)}`).repeat(100)}\r\n`,
};

test("work grows with the bytes, whatever they are and however they are cut", () => {
  for (const [what, text] of Object.entries(EXPENSIVE)) {
    const bytes = Buffer.from(text, "latin1");
    const pieces = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
    readMessages("request", pieces);
    const before = process.cpuUsage();
    readMessages("request", [bytes]);
    readMessages("request", pieces);
    const { user, system } = process.cpuUsage(before);
    // A look at every byte for each byte would take seconds; one look takes a few milliseconds.
    assert.ok(user + system < 500_000, `${what}: ${(user + system) / 1_000} ms of CPU`);
  }
});

/** Streams without an end, by what they repeat. Each must be refused or leave nothing behind. */
const ENDLESS: Readonly<
  Record<string, [kind: "request" | "response", start: string, more: string]>
> = {
  "a start line": ["request", "GET /", "aaaaaaaa"],
  "a field line": ["request", `${HEAD}X: `, "aaaaaaaa"],
  "field lines": ["request", HEAD, "X: aaaaaaaa\r\n"],
  "empty lines": ["request", "", "\r\n"],
  "pipelined requests": ["request", "", `${HEAD}\r\n`],
  "a chunk extension": [
    "request",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    "aaaaaaaa",
  ],
  "chunk extensions": [
    "request",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "1;a\r\nb\r\n",
  ],
  trailers: [
    "request",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    "X: aaaaaaaa\r\n",
  ],
  "a chunked body": [
    "request",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "8\r\naaaaaaaa\r\n",
  ],
  "informational responses": ["response", "", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"],
  "a reason phrase": ["response", "HTTP/1.1 200 ", "aaaaaaaa"],
};

/** Reads on without keeping anything, as a proxy that forwards does; true once something is refused. */
class Drain {
  readonly #head: RequestParser | ResponseParser;
  readonly #body = new BodyReader(names);

  constructor(kind: "request" | "response") {
    this.#head = kind === "request" ? new RequestParser(names) : new ResponseParser(names);
    this.#resetHead();
  }

  #resetHead(): void {
    if (this.#head instanceof RequestParser) this.#head.reset();
    else this.#head.reset("GET");
  }

  onBody(): void {}

  read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#body.isComplete) {
        at = this.#head.parse(bytes, at, bytes.length);
        if (at < 0) return;
        this.#body.reset(this.#head.body, this.#head.contentLength);
        if (this.#body.isComplete) this.#resetHead();
      } else {
        at = this.#body.read(bytes, at, bytes.length, this);
        if (this.#body.isComplete) this.#resetHead();
      }
    }
  }
}

for (const [what, [kind, start, more]] of Object.entries(ENDLESS)) {
  test(`${what} without end: refused, or no memory is kept`, () => {
    const drain = new Drain(kind);
    const piece = Buffer.from(more.repeat(64));
    const before = process.memoryUsage().arrayBuffers;
    try {
      drain.read(Buffer.from(start));
      for (let fed = 0; fed < 8_388_608; fed += piece.length) drain.read(piece);
    } catch (error) {
      assert.ok(error instanceof Http1Error, String(error));
    }
    const grown = process.memoryUsage().arrayBuffers - before;
    // Head memory doubles up to its limit, and what was outgrown may not have been collected yet.
    assert.ok(grown <= 4 * DEFAULT_LIMITS.maxHeadBytes, `${grown} bytes more`);
  });
}

test("trailers stay as they were when the read buffer is filled anew", () => {
  const shared = Buffer.from("0\r\nX-Sum: 1\r\nContent-Length: 7\r\n\r\n");
  const body = new BodyReader(names);
  body.reset("chunked", 0);
  body.read(shared, 0, shared.length, { onBody: () => {} });
  shared.fill(0x7a);
  assert.deepEqual(fieldList(body.trailers), [
    ["X-Sum", "1"],
    ["Content-Length", "7"],
  ]);
  const out = new OutBuffer(64);
  out.endChunks(body.trailers, TRAILER_MASK);
  assert.equal(out.bytes.toString("latin1", 0, out.length), "0\r\nX-Sum: 1\r\n\r\n");
});
