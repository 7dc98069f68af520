import assert from "node:assert/strict";
import { test } from "node:test";
import { readMessages } from "../test/read-messages.ts";
import { BodyReader } from "./body-reader.ts";
import { FIELD, FieldNames } from "./field-names.ts";
import { RequestParser } from "./request-parser.ts";
import { ResponseParser } from "./response-parser.ts";

const names = new FieldNames(["x-request-id"]);

function parseRequest(text: string): RequestParser {
  const parser = new RequestParser(names);
  parser.reset();
  const bytes = Buffer.from(text, "latin1");
  assert.equal(parser.parse(bytes, 0, bytes.length), bytes.length);
  return parser;
}

const targets: Record<string, [form: string, authority: string | undefined, path: string]> = {
  "GET /a?b=c HTTP/1.1\r\nHost: shop:80\r\n": ["origin", "shop:80", "/a?b=c"],
  "GET http://Shop/a HTTP/1.1\r\nHost: shop\r\n": ["absolute", "Shop", "/a"],
  "GET http://shop:80 HTTP/1.1\r\nHost: shop\r\n": ["absolute", "shop:80", "/"],
  "GET http://shop?x HTTP/1.1\r\nHost: shop\r\n": ["absolute", "shop", "/?x"],
  "OPTIONS http://shop HTTP/1.1\r\nHost: shop\r\n": ["absolute", "shop", "*"],
  "OPTIONS * HTTP/1.1\r\nHost: shop\r\n": ["asterisk", "shop", "*"],
  "CONNECT shop:8080 HTTP/1.1\r\nHost: shop:8080\r\n": ["authority", "shop:8080", ""],
  "CONNECT [::1]:8080 HTTP/1.1\r\nHost: [::1]:8080\r\n": ["authority", "[::1]:8080", ""],
  "GET / HTTP/1.0\r\n": ["origin", undefined, "/"],
  "GET / HTTP/1.1\r\nHost:\r\n": ["origin", undefined, "/"],
};

for (const [head, [form, authority, path]] of Object.entries(targets)) {
  test(`reads ${form} form in ${head.split("\r\n")[0]}`, () => {
    const parser = parseRequest(`${head}\r\n`);
    assert.deepEqual([parser.form, parser.authority, parser.path], [form, authority, path]);
  });
}

const persistence: Record<string, boolean> = {
  "GET / HTTP/1.1\r\nHost: a\r\n": true,
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n": false,
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: X, CLOSE\r\n": false,
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n": false,
  "GET / HTTP/1.0\r\nHost: a\r\n": false,
  "GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n": true,
};

for (const [head, keepAlive] of Object.entries(persistence)) {
  test(`${keepAlive ? "keeps" : "ends"} the connection after ${JSON.stringify(head)}`, () => {
    assert.equal(parseRequest(`${head}\r\n`).keepAlive, keepAlive);
  });
}

test("marks the fields that Connection nominates, so that no copy passes them on", () => {
  const parser = parseRequest(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX: 2\r\n\r\n",
  );
  const ids = Array.from(parser.fields.ids.subarray(0, parser.fields.count));
  assert.deepEqual(ids, [1, 4, 13, 0]);
});

test("takes TE: trailers from a sender whose Connection nominates it", () => {
  const accepts = (fields: string) =>
    parseRequest(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`).acceptsTrailers;
  assert.equal(accepts("Connection: TE\r\nTE: trailers\r\n"), true);
  assert.equal(accepts("Connection: close, te\r\nTE: gzip, Trailers\r\n"), true);
  assert.equal(accepts("TE: trailers\r\n"), false);
  assert.equal(accepts("Connection: te\r\nTE: gzip\r\n"), false);
});

test("passes on no length of a response that has no body by its status", () => {
  const parser = new ResponseParser(names);
  for (const [status, isKept] of [
    ["204 No Content", false],
    ["103 Early Hints", false],
    ["304 Not Modified", true],
  ] as const) {
    parser.reset("GET");
    const bytes = Buffer.from(`HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\n`);
    parser.parse(bytes, 0, bytes.length);
    assert.equal(parser.fields.indexOfId(FIELD.contentLength) >= 0, isKept, status);
    assert.deepEqual([parser.body, parser.contentLength], ["none", 0]);
  }
});

test("drops what a trailer section may not hold, and finds the rest by name", () => {
  const body = new BodyReader(names);
  body.reset("chunked", 0);
  const bytes = Buffer.from(
    "0\r\nGrpc-Status: 5\r\nHost: b\r\nSet-Cookie: a\r\ngrpc-message: no\r\n\r\n",
  );
  assert.equal(body.read(bytes, 0, bytes.length, { onBody: () => {} }), bytes.length);
  const { trailers } = body;
  assert.ok(trailers);
  assert.equal(trailers.find("grpc-status"), "5");
  assert.equal(trailers.indexOf("grpc-message", 0), 3);
  assert.equal(trailers.indexOf("grpc-details", 0), -1);
  const ids = Array.from(trailers.ids.subarray(0, trailers.count));
  assert.deepEqual(ids, [FIELD.other, FIELD.dropped, FIELD.dropped, FIELD.other]);
});

test("finds a field by id in any case of letters, and any field by its name", () => {
  const parser = parseRequest("GET / HTTP/1.1\r\nHOST: a\r\nX-REQUEST-ID: 7\r\nOther: b\r\n\r\n");
  assert.equal(parser.fields.findById(names.idOf("x-request-id")), "7");
  assert.equal(parser.fields.find("other"), "b");
  assert.equal(parser.fields.find("none"), undefined);
});

test("keeps a detached head readable after the read buffer is used again", () => {
  const parser = new RequestParser(names);
  parser.reset();
  const bytes = Buffer.from("..GET / HTTP/1.1\r\nHost: kept\r\n\r\n");
  const end = parser.parse(bytes, 2, bytes.length);
  parser.detach(end);
  bytes.fill(0);
  assert.equal(parser.fields.find("host"), "kept");
});

const responseBodies: Record<string, [method: string, kind: string]> = {
  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n": ["GET", "length"],
  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n": ["HEAD", "none"],
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n": ["GET", "chunked"],
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: 1\r\n": ["HEAD", "none"],
  "HTTP/1.1 200\r\n": ["GET", "until-close"],
  "HTTP/1.1 204 No Content\r\n": ["GET", "none"],
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n": ["GET", "none"],
  "HTTP/1.1 100 Continue\r\n": ["POST", "none"],
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n": ["GET", "tunnel"],
  "HTTP/1.1 200 Connected\r\n": ["CONNECT", "tunnel"],
  "HTTP/1.1 407 No\r\nContent-Length: 2\r\n": ["CONNECT", "length"],
};

for (const [head, [method, kind]] of Object.entries(responseBodies)) {
  test(`a response ${JSON.stringify(head)} to ${method} has a body of kind ${kind}`, () => {
    const parser = new ResponseParser(names);
    parser.reset(method);
    const bytes = Buffer.from(`${head}\r\n`);
    assert.equal(parser.parse(bytes, 0, bytes.length), bytes.length);
    assert.equal(parser.body, kind);
  });
}

test("reads pipelined requests with every kind of body, and their trailers", () => {
  const bytes = Buffer.from(
    "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" +
      "\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
      '1;a\r\nd\r\n2;b="\\"x"\r\nef\r\n0;c=d\r\nX-Sum: 1\r\n\r\n' +
      "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  const { messages, fault } = readMessages("request", [bytes]);
  assert.equal(fault, undefined);
  assert.deepEqual(
    messages.map(({ startLine, body, trailers }) => [startLine, body, trailers]),
    [
      ["POST /1 1.1", "abc", []],
      ["POST /2 1.1", "def", [["X-Sum", "1"]]],
      ["GET /3 1.1", "", []],
    ],
  );
});

test("tells a body that was cut from one that ends with its stream", () => {
  const cut = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab");
  assert.equal(readMessages("response", [cut], { isEnded: true }).fault, "UNEXPECTED_END");
  const open = Buffer.from("HTTP/1.1 200 OK\r\n\r\nab");
  const { messages, fault } = readMessages("response", [open], { isEnded: true });
  assert.deepEqual([fault, messages[0]?.body, messages[0]?.isComplete], [undefined, "ab", true]);
});
