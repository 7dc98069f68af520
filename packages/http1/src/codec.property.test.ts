import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fieldList, readMessages } from "../test/read-messages.ts";
import { DEFAULT_LIMITS, FIELD, FieldNames, fieldMask, OutBuffer, RequestParser } from "./index.ts";

const names = new FieldNames();
const runs = { numRuns: 400 };

const tokenLetters = [..."ABCXYZabcxyz0129-_.!#$%&'*+^`|~"];
const token = fc.string({ unit: fc.constantFrom(...tokenLetters), minLength: 1, maxLength: 12 });
const fieldName = token.map((name) => `X${name}`);
const fieldValue = fc
  .string({ unit: fc.constantFrom(..."aZ09 \t\"',;=\xe9\x80~/"), maxLength: 30 })
  .map((value) => value.trim());
const target = fc
  .string({ unit: fc.constantFrom(...'az09/?&=%|"{}'), maxLength: 30 })
  .map((s) => `/${s}`);
const payload = fc.string({ unit: fc.constantFrom(..."ab\r\n0;:\0\xff"), maxLength: 60 });

type Framing =
  | { kind: "none" }
  | { kind: "length"; body: string }
  | { kind: "chunked"; parts: string[] };
const framing: fc.Arbitrary<Framing> = fc.oneof(
  fc.constant<Framing>({ kind: "none" }),
  payload.map<Framing>((body) => ({ kind: "length", body })),
  fc
    .array(
      payload.filter((part) => part !== ""),
      { maxLength: 5 },
    )
    .map<Framing>((parts) => ({ kind: "chunked", parts })),
);
const message = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "PROPFIND"),
  target,
  fields: fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 12 }),
  framing,
});

/** Writes a message as a proxy would. */
function serialise(each: {
  method: string;
  target: string;
  fields: [string, string][];
  framing: Framing;
}): Buffer {
  const out = new OutBuffer(16);
  out.text(`${each.method} ${each.target} HTTP/1.1\r\n`);
  out.field("Host", "a");
  for (const [name, value] of each.fields) out.field(name, value);
  const body = each.framing;
  if (body.kind === "length") out.field("Content-Length", String(body.body.length));
  if (body.kind === "chunked") out.field("Transfer-Encoding", "chunked");
  out.endHead();
  if (body.kind === "length") out.text(body.body);
  if (body.kind === "chunked") {
    for (const part of body.parts) out.chunk(Buffer.from(part, "latin1"), 0, part.length);
    out.endChunks(undefined, fieldMask([], { isHopByHop: true }));
  }
  return Buffer.from(out.bytes.subarray(0, out.length));
}

function splitAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, i) => bytes.subarray(start, places[i] ?? bytes.length));
}

const cuts = fc.array(fc.nat(5_000), { maxLength: 20 });

test("what is written reads back as it was", () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), (sent) => {
      const { messages, fault } = readMessages("request", [Buffer.concat(sent.map(serialise))]);
      assert.equal(fault, undefined);
      assert.deepEqual(
        messages.map((read) => [
          read.startLine,
          read.fields.filter(([name]) => name.startsWith("X")),
          read.body,
        ]),
        sent.map((each) => [
          `${each.method} ${each.target} 1.1`,
          each.fields,
          each.framing.kind === "length"
            ? each.framing.body
            : each.framing.kind === "chunked"
              ? each.framing.parts.join("")
              : "",
        ]),
      );
    }),
    runs,
  );
});

/** Valid messages with a few bytes changed: near misses find more than noise does. */
const mutated = fc
  .tuple(
    fc.array(message, { minLength: 1, maxLength: 3 }),
    fc.array(fc.tuple(fc.nat(2_000), fc.constantFrom(..."\r\n \t:;,\0\x7f\xff0aG/HC")), {
      maxLength: 4,
    }),
  )
  .map(([messages, changes]) => {
    const bytes = Buffer.concat(messages.map(serialise));
    for (const [place, letter] of changes) bytes[place % bytes.length] = letter.charCodeAt(0);
    return bytes;
  });
const anyBytes = fc.oneof(
  { weight: 4, arbitrary: mutated },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
);
const smallLimits = {
  ...DEFAULT_LIMITS,
  maxLineBytes: 64,
  maxHeadBytes: 200,
  maxFields: 5,
  maxChunkExtensionBytes: 8,
};

for (const kind of ["request", "response"] as const) {
  const bytesOfKind =
    kind === "request"
      ? anyBytes
      : anyBytes.map((bytes) => {
          const line = Buffer.from("HTTP/1.1 200 OK\r\n");
          return Buffer.concat([line, bytes.subarray(bytes.indexOf("\n") + 1)]);
        });
  test(`a ${kind} means the same however the network cuts it`, () => {
    fc.assert(
      fc.property(
        bytesOfKind,
        cuts,
        fc.constantFrom(DEFAULT_LIMITS, smallLimits),
        (bytes, places, limits) => {
          const whole = readMessages(kind, [bytes], { limits });
          assert.deepEqual(readMessages(kind, splitAt(bytes, places), { limits }), whole);
          const single = Array.from(bytes, (byte) => Buffer.of(byte));
          assert.deepEqual(readMessages(kind, single, { limits }), whole);
        },
      ),
      runs,
    );
  });

  test(`any bytes end as ${kind}s or as the codec's own error`, () => {
    // readMessages lets every error but Http1Error through, so that returning is the proof.
    fc.assert(
      fc.property(bytesOfKind, (bytes) => {
        const reading = readMessages(kind, [bytes]);
        assert.ok(reading.messages.length >= 0);
      }),
      runs,
    );
  });
}

test("a copied head keeps every field but the masked ones, in order, with plain white space", () => {
  const mask = fieldMask([FIELD.host], { isHopByHop: true });
  const space = fc.constantFrom("", " ", "\t ", "  ");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fieldName, space, fieldValue, space), { maxLength: 20 }),
      (fields) => {
        const lines = fields.map(
          ([name, before, value, after]) => `${name}:${before}${value}${after}\r\n`,
        );
        const text = `GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nTE: x\r\n${lines.join("")}\r\n`;
        const bytes = Buffer.from(text, "latin1");
        const parser = new RequestParser(names);
        parser.reset();
        assert.equal(parser.parse(bytes, 0, bytes.length), bytes.length);
        const out = new OutBuffer(8);
        out.fields(parser.fields, mask);
        const copied = out.bytes.toString("latin1", 0, out.length);
        assert.equal(copied, fields.map(([name, , value]) => `${name}: ${value}\r\n`).join(""));
        assert.equal(fieldList(parser.fields).length, fields.length + 3);
      },
    ),
    runs,
  );
});

test("a head that never ends is refused before it takes more than its limit of memory", () => {
  const parser = new RequestParser(names);
  parser.reset();
  const line = Buffer.from(`GET / HTTP/1.1\r\n${"X: aaaaaaaaaaaa\r\n".repeat(10)}`);
  const more = Buffer.from(`X: ${"a".repeat(1_000)}\r\n`);
  parser.parse(line, 0, line.length);
  let fed = line.length;
  assert.throws(
    () => {
      for (; fed < 1_000_000; fed += more.length) parser.parse(more, 0, more.length);
    },
    { name: "Http1Error" },
  );
  assert.ok(fed <= DEFAULT_LIMITS.maxHeadBytes + more.length, `${fed} bytes were taken`);
});
