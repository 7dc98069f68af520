import assert from "node:assert/strict";
import { test } from "node:test";
import { readMessages } from "../test/read-messages.ts";
import { FieldNames } from "./field-names.ts";
import type { Http1Error } from "./http1-error.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { RequestParser } from "./request-parser.ts";

const request = (fields: string, body = "") => `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
const chunked = (body: string) => request("Transfer-Encoding: chunked\r\n", body);
const manyFields = (count: number) =>
  Array.from({ length: count }, (_, i) => `x${i}: 1\r\n`).join("");

/** Hostile or broken requests, by what is wrong; each must be refused with this fault. */
const refusedRequests: Record<string, [string, string]> = {
  "Content-Length beside Transfer-Encoding": [
    "TRANSFER_ENCODING",
    request("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
  ],
  "Transfer-Encoding beside Content-Length": [
    "TRANSFER_ENCODING",
    request("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"),
  ],
  "two different lengths": [
    "CONTENT_LENGTH",
    request("Content-Length: 3\r\nContent-Length: 4\r\n"),
  ],
  "two equal lengths": ["CONTENT_LENGTH", request("Content-Length: 3\r\nContent-Length: 3\r\n")],
  "a list of lengths": ["CONTENT_LENGTH", request("Content-Length: 3, 3\r\n")],
  "a signed length": ["CONTENT_LENGTH", request("Content-Length: +3\r\n")],
  "a hexadecimal length": ["CONTENT_LENGTH", request("Content-Length: 0x3\r\n")],
  "an empty length": ["CONTENT_LENGTH", request("Content-Length:\r\n")],
  "a length of 16 digits": ["CONTENT_LENGTH", request("Content-Length: 1000000000000000\r\n")],
  "a coding before chunked": ["TRANSFER_ENCODING", request("Transfer-Encoding: gzip, chunked\r\n")],
  "chunked twice in one field": [
    "TRANSFER_ENCODING",
    request("Transfer-Encoding: chunked, chunked\r\n"),
  ],
  "two transfer encodings": [
    "TRANSFER_ENCODING",
    request("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
  ],
  "identity coding": ["TRANSFER_ENCODING", request("Transfer-Encoding: identity\r\n")],
  "a quoted coding": ["TRANSFER_ENCODING", request('Transfer-Encoding: "chunked"\r\n')],
  "a vertical tab before the coding": ["FIELD_VALUE", request("Transfer-Encoding: \vchunked\r\n")],
  "a coding in HTTP/1.0": [
    "TRANSFER_ENCODING",
    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  "a folded field": ["FOLDED_FIELD", request("X: 1\r\n 2\r\n")],
  "white space before the first field": ["FOLDED_FIELD", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"],
  "a bare LF after the request line": ["LINE_END", "GET / HTTP/1.1\nHost: a\r\n\r\n"],
  "a bare LF after a field": ["LINE_END", request("X: 1\nY: 2\r\n")],
  "a bare LF instead of the empty line": [
    "LINE_END",
    "GET / HTTP/1.1\r\nHost: a\r\n\nGET / HTTP/1.1",
  ],
  "a bare CR in a value": ["LINE_END", request("X: 1\rY: 2\r\n")],
  "a NUL in a value": ["FIELD_VALUE", request("X: \0\r\n")],
  "a DEL in a value": ["FIELD_VALUE", request("X: \x7f\r\n")],
  "a space before the colon": ["FIELD_NAME", request("Content-Length : 3\r\n")],
  "an empty field name": ["FIELD_NAME", request(": 3\r\n")],
  "a field name that is no token": ["FIELD_NAME", request("X(1): 3\r\n")],
  "a field without a colon": ["FIELD_NAME", request("X\r\n")],
  "no Host": ["HOST", "GET / HTTP/1.1\r\n\r\n"],
  "two Hosts": ["HOST", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"],
  "a Host with a path": ["HOST", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
  "a Host with userinfo": ["HOST", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"],
  "a Host that is a list": ["HOST", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"],
  "a target that contradicts Host": ["HOST", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  "an absolute target and an empty Host": ["HOST", "GET http://b/ HTTP/1.1\r\nHost:\r\n\r\n"],
  "an absolute target on another port than Host": [
    "HOST",
    "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
  ],
  "two Hosts in HTTP/1.0": ["HOST", "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n"],
  "a bare CR before the request line": ["LINE_END", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  "two empty lines before the request line": [
    "METHOD",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  ],
  "HTTP/2.0": ["VERSION", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"],
  "HTTP/1.2": ["VERSION", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"],
  "a lower-case protocol name": ["VERSION", "GET / http/1.1\r\nHost: a\r\n\r\n"],
  "no version": ["TARGET", "GET /\r\nHost: a\r\n\r\n"],
  "a space in the target": ["VERSION", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"],
  "two spaces after the method": ["TARGET", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
  "a space after the version": ["VERSION", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"],
  "a control character in the target": ["TARGET", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"],
  "a fragment in the target": ["TARGET", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n"],
  "bytes above ASCII in the target": ["TARGET", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"],
  "an https target over plaintext": ["TARGET", "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  "a relative target": ["TARGET", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"],
  "CONNECT without a port": ["TARGET", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"],
  "CONNECT with a body": [
    "TARGET",
    "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\n",
  ],
  "an unknown method": ["METHOD", "GETT / HTTP/1.1\r\nHost: a\r\n\r\n"],
  "a lower-case method": ["METHOD", "get / HTTP/1.1\r\nHost: a\r\n\r\n"],
  "a TLS handshake": ["METHOD", "\x16\x03\x01\x02\x00\x01"],
  "a nominated Host": ["CONNECTION", request("Connection: host\r\n")],
  "a nominated Content-Length": [
    "CONNECTION",
    request("Content-Length: 1\r\nConnection: close, content-length\r\n", "a"),
  ],
  "a nominated Transfer-Encoding": [
    "CONNECTION",
    request("Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
  ],
  "a nominated Authorization": [
    "CONNECTION",
    request("Connection: Authorization\r\nAuthorization: Bearer x\r\n"),
  ],
  "a nominated Cookie in a second Connection": [
    "CONNECTION",
    request("Connection: close\r\nConnection: x, COOKIE\r\nCookie: a=b\r\n"),
  ],
  "101 fields": ["TOO_MANY_FIELDS", request(manyFields(100))],
  "a field line past 16 KiB": ["FIELD_TOO_LONG", request(`X: ${"a".repeat(16_384)}\r\n`)],
  "a request line past 16 KiB": [
    "START_LINE_TOO_LONG",
    `GET /${"a".repeat(16_384)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  ],
  "a head past 64 KiB": [
    "HEAD_TOO_LARGE",
    request(Array.from({ length: 5 }, (_, i) => `X${i}: ${"a".repeat(16_000)}\r\n`).join("")),
  ],
  "a chunk size of nine digits": ["CHUNK_SIZE", chunked("000000003\r\nabc\r\n0\r\n\r\n")],
  "a chunk size that is no number": ["CHUNK_SIZE", chunked("g\r\n")],
  "a negative chunk size": ["CHUNK_SIZE", chunked("-1\r\n")],
  "a 0x chunk size": ["CHUNK_SIZE", chunked("0x3\r\nabc\r\n0\r\n\r\n")],
  "an empty chunk size": ["CHUNK_SIZE", chunked("\r\nabc\r\n")],
  "a space after a chunk size": ["CHUNK_SIZE", chunked("3 \r\nabc\r\n0\r\n\r\n")],
  "a chunk size line that ends in LF": ["CHUNK_SIZE", chunked("3\nabc\r\n0\r\n\r\n")],
  "a chunk size line that ends in CR": ["CHUNK_SIZE", chunked("3\rabc\r\n0\r\n\r\n")],
  "a chunk longer than its size": ["CHUNK_END", chunked("3\r\nabcd\r\n0\r\n\r\n")],
  "a chunk that ends in LF": ["CHUNK_END", chunked("3\r\nabc\n0\r\n\r\n")],
  "a chunk extension past 256 bytes": [
    "CHUNK_EXTENSION",
    chunked(`3;${"a".repeat(257)}\r\nabc\r\n0\r\n\r\n`),
  ],
  "chunk extensions past their total": [
    "CHUNK_EXTENSION",
    chunked(`1;${"a".repeat(250)}\r\nx\r\n`.repeat(17)),
  ],
  "a LF in a chunk extension": ["CHUNK_EXTENSION", chunked("3;a\nb\r\nabc\r\n0\r\n\r\n")],
  "a folded trailer": ["FOLDED_FIELD", chunked("0\r\nX: 1\r\n 2\r\n\r\n")],
  "a trailer section past 64 KiB": [
    "HEAD_TOO_LARGE",
    chunked(
      `0\r\n${Array.from({ length: 5 }, (_, i) => `X${i}: ${"a".repeat(16_000)}\r\n`).join("")}`,
    ),
  ],
  "101 trailers": ["TOO_MANY_FIELDS", chunked(`0\r\n${manyFields(101)}\r\n`)],
};

for (const [what, [fault, text]] of Object.entries(refusedRequests)) {
  test(`refuses a request with ${what}`, () => {
    const bytes = Buffer.from(text, "latin1");
    assert.equal(readMessages("request", [bytes]).fault, fault);
    const single = Array.from(bytes, (byte) => Buffer.of(byte));
    assert.equal(readMessages("request", single).fault, fault, "byte by byte");
  });
}

const refusedResponses: Record<string, [string, string]> = {
  "another protocol": ["VERSION", "ICY 200 OK\r\n\r\n"],
  "a status code of two digits": ["STATUS", "HTTP/1.1 20 OK\r\n\r\n"],
  "a status code below 100": ["STATUS", "HTTP/1.1 099 X\r\n\r\n"],
  "a bare LF after the status line": ["LINE_END", "HTTP/1.1 200 OK\nX: 1\r\n\r\n"],
  "a NUL in the reason": ["STATUS", "HTTP/1.1 200 O\0K\r\n\r\n"],
  "two lengths": [
    "CONTENT_LENGTH",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
  ],
  "length and coding": [
    "TRANSFER_ENCODING",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  "a coding we do not know": [
    "TRANSFER_ENCODING",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: br\r\n\r\n",
  ],
  "a coding on 204": ["TRANSFER_ENCODING", "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n"],
  "two different lengths": [
    "CONTENT_LENGTH",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
  ],
  "coding and length": [
    "TRANSFER_ENCODING",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
  ],
  "chunked not last": [
    "TRANSFER_ENCODING",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
  ],
  "a coding on 100": ["TRANSFER_ENCODING", "HTTP/1.1 100 Go\r\nTransfer-Encoding: chunked\r\n\r\n"],
  "a coding in HTTP/1.0": [
    "TRANSFER_ENCODING",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  "a folded field": ["FOLDED_FIELD", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"],
  "a space before the colon": ["FIELD_NAME", "HTTP/1.1 200 OK\r\nX : a\r\n\r\n"],
  "a bare LF in a value (response splitting)": [
    "LINE_END",
    "HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\n\r\n",
  ],
  "a bare LF instead of the empty line": ["LINE_END", "HTTP/1.1 200 OK\r\nX: a\r\n\nbody"],
  "a status code of four digits": ["STATUS", "HTTP/1.1 2000 OK\r\n\r\n"],
  "a status code that is no number": ["STATUS", "HTTP/1.1 2OO OK\r\n\r\n"],
  "two spaces before the status code": ["STATUS", "HTTP/1.1  200 OK\r\n\r\n"],
  "a space before the status line": ["VERSION", " HTTP/1.1 200 OK\r\n\r\n"],
  "HTTP/1.2": ["VERSION", "HTTP/1.2 200 OK\r\n\r\n"],
  "HTTP/2": ["VERSION", "HTTP/2 200 OK\r\n\r\n"],
  "no status line": ["VERSION", "<html>hello</html>"],
  "101 and no protocol": ["STATUS", "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\n\r\n"],
  "101 and a protocol that Connection does not nominate": [
    "STATUS",
    "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
  ],
  "a nominated Content-Length": [
    "CONNECTION",
    "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 1\r\n\r\na",
  ],
  "a status line past 16 KiB": ["START_LINE_TOO_LONG", `HTTP/1.1 200 ${"a".repeat(16_384)}\r\n`],
  "a field line past 16 KiB": [
    "FIELD_TOO_LONG",
    `HTTP/1.1 200 OK\r\nX: ${"a".repeat(16_384)}\r\n\r\n`,
  ],
  "101 fields": ["TOO_MANY_FIELDS", `HTTP/1.1 200 OK\r\n${manyFields(101)}\r\n`],
  "a bad chunk size": ["CHUNK_SIZE", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"],
  "a bare CR in a value (response splitting)": [
    "LINE_END",
    "HTTP/1.1 200 OK\r\nX: a\rY: b\r\n\r\n",
  ],
};

for (const [what, [fault, text]] of Object.entries(refusedResponses)) {
  test(`refuses a response with ${what}`, () => {
    const bytes = Buffer.from(text, "latin1");
    assert.equal(readMessages("response", [bytes]).fault, fault);
    const single = Array.from(bytes, (byte) => Buffer.of(byte));
    assert.equal(readMessages("response", single).fault, fault, "byte by byte");
  });
}

test("names the limit that was passed", () => {
  const bytes = Buffer.from(request(manyFields(6)));
  const reading = readMessages("request", [bytes], { limits: { ...DEFAULT_LIMITS, maxFields: 5 } });
  assert.equal(reading.detail, "too many fields (limit 5)");
});

test("accepts what is exactly at its limit", () => {
  const limits = { ...DEFAULT_LIMITS, maxFields: 3, maxLineBytes: 20, maxHeadBytes: 60 };
  const text = `GET / HTTP/1.1\r\nHost: a\r\nXXXX: ${"v".repeat(12)}\r\nY: ${"v".repeat(8)}\r\n\r\n`;
  assert.equal(text.length, 60);
  assert.equal(readMessages("request", [Buffer.from(text)], { limits }).fault, undefined);
  const longer = Buffer.from(text.replace("Y: ", "Y: v"));
  assert.equal(readMessages("request", [longer], { limits }).fault, "HEAD_TOO_LARGE");
});

test("tells the status a server answers with", () => {
  const statusOf = (text: string) => {
    try {
      const parser = new RequestParser(new FieldNames());
      parser.reset();
      const bytes = Buffer.from(text, "latin1");
      parser.parse(bytes, 0, bytes.length);
    } catch (error) {
      return (error as Http1Error).status;
    }
    return undefined;
  };
  assert.equal(statusOf(`GET /${"a".repeat(16_384)} HTTP/1.1\r\n`), 414);
  assert.equal(statusOf(request(`X: ${"a".repeat(16_384)}\r\n`)), 431);
  assert.equal(statusOf(request(manyFields(100))), 431);
  assert.equal(statusOf("GET / HTTP/2.0\r\n"), 505);
  assert.equal(statusOf("GET / HTTP/1.1\r\n\r\n"), 400);
});

test("tells no more than the start of what a hostile peer has sent", () => {
  const long = `GET http://${"b".repeat(9_000)}/ HTTP/1.1\r\nHost: ${"a".repeat(9_000)}\r\n\r\n`;
  assert.ok(readMessages("request", [Buffer.from(long)]).detail.length < 300);
});
