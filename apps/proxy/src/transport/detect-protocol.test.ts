import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { detectProtocol } from "./detect-protocol.ts";

const detect = (text: string) => {
  const bytes = Buffer.from(text, "latin1");
  const found = detectProtocol(bytes, 0, bytes.length);
  return found === "more" ? "more" : found.protocol;
};

const cases: Readonly<Record<string, string>> = {
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n": "http",
  "OPTIONS * HTTP/1.0\r\n": "http",
  "CONNECT db:5432 HTTP/1.1\r\n": "http",
  "M-SEARCH * HTTP/1.1\r\n": "http",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": "http2",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n": "more",
  "PRI * HTTP/1.1\r\n": "http",
  "GET /a": "more",
  "": "more",
  "GET / HTTP/3.0\r\n": "tcp",
  "*1\r\n$4\r\nPING\r\n": "tcp",
  "PING\r\n": "tcp",
  "get key\r\n": "tcp",
  "EHLO mail.example.com\r\n": "tcp",
  "\u0000\u0000\u0000\u0008\u0004\u00d2\u0016\u002f": "tcp",
  "\u0016not tls": "tcp",
  " GET / HTTP/1.1\r\n": "tcp",
};
for (const [text, protocol] of Object.entries(cases)) {
  test(`takes ${JSON.stringify(text)} for ${protocol}`, () => assert.equal(detect(text), protocol));
}

test("never changes its mind: what it says of a part it says of the whole", () => {
  const texts = Object.keys(cases);
  fc.assert(
    fc.property(fc.constantFrom(...texts), fc.nat(40), (text, cut) => {
      const part = detect(text.slice(0, cut));
      return part === "more" || part === detect(text);
    }),
  );
});

test("meets any bytes with a protocol or more, and never waits beyond 17 KiB", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
      const found = detectProtocol(Buffer.from(any), 0, any.length);
      return found === "more" || found.protocol.length > 0;
    }),
  );
  assert.equal(detect(`GET /${"a".repeat(17_000)}`), "tcp");
  assert.equal(detect("A".repeat(40)), "tcp");
});
