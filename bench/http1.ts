// What reading and rewriting a head costs: nanoseconds per head, the median over rounds, in a hot process
// and from one read buffer, as the proxy does it. Run: npm run bench -- http1, or `node bench/http1.ts`.

import {
  BodyReader,
  DEFAULT_LIMITS,
  FieldNames,
  fieldMask,
  OutBuffer,
  RequestParser,
  ResponseParser,
} from "@heddle/http1";

const ROUNDS = 15;
const OPERATIONS = 300_000;

// As many names as the proxy knows, so that the look-up has realistic buckets.
const names = new FieldNames([
  "traceparent",
  "tracestate",
  "x-request-id",
  "x-forwarded-proto",
  "x-forwarded-client-cert",
  "x-envoy-attempt-count",
  "x-envoy-peer-metadata",
  "x-envoy-peer-metadata-id",
  "x-heddle-origin",
  "x-heddle-flags",
]);
const mask = fieldMask([names.idOf("traceparent"), names.idOf("x-request-id")], {
  isHopByHop: true,
});

const request = Buffer.from(
  "GET /api/v1/products?page=1&sort=price HTTP/1.1\r\nHost: reviews.shop:8080\r\n" +
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n" +
    "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Language: en-GB,en;q=0.5\r\n" +
    "Accept-Encoding: gzip, deflate, br\r\nCookie: session=0123456789abcdef0123\r\n" +
    "Connection: keep-alive\r\n\r\n",
);
const response = Buffer.from(
  "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 15:00:00 GMT\r\n" +
    "Content-Type: application/json; charset=utf-8\r\nContent-Length: 1024\r\n" +
    "Connection: keep-alive\r\nX-Trace: 012345\r\n\r\n",
);
const manyFields = Buffer.from(
  "GET /api/v1/products HTTP/1.1\r\nHost: reviews.shop:8080\r\n" +
    Array.from({ length: 24 }, (_, i) => `X-Field-Number-${i + 10}: ${"v".repeat(36)}\r\n`).join(
      "",
    ) +
    "\r\n",
);
const trailers = Buffer.from("5\r\nhello\r\n0\r\ngrpc-status: 0\r\ngrpc-message: fine\r\n\r\n");

const requests = new RequestParser(names, DEFAULT_LIMITS);
const responses = new ResponseParser(names, DEFAULT_LIMITS);
const bodies = new BodyReader(names, DEFAULT_LIMITS);
const out = new OutBuffer(65_536);
const sink = { onBody: (): void => {} };

function readRequest(bytes: Buffer): void {
  requests.reset();
  requests.parse(bytes, 0, bytes.length);
}

const operations: Readonly<Record<string, { bytes: Buffer; run: () => void }>> = {
  "request head": { bytes: request, run: () => readRequest(request) },
  "request head, rewritten": {
    bytes: request,
    run: () => {
      readRequest(request);
      out.clear();
      out.fields(requests.fields, mask);
    },
  },
  "response head": {
    bytes: response,
    run: () => {
      responses.reset("GET");
      responses.parse(response, 0, response.length);
    },
  },
  "request head of 25 fields": { bytes: manyFields, run: () => readRequest(manyFields) },
  "one field found by name among 25": {
    bytes: manyFields,
    run: () => requests.fields.find("x-field-number-33"),
  },
  "chunked body with two trailers": {
    bytes: trailers,
    run: () => {
      bodies.reset("chunked", 0);
      bodies.read(trailers, 0, trailers.length, sink);
      bodies.trailers?.find("grpc-status");
    },
  },
};

for (const [name, { bytes, run }] of Object.entries(operations)) {
  if (name.startsWith("one field")) readRequest(manyFields);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < OPERATIONS; i++) run();
    return Number(process.hrtime.bigint() - start) / OPERATIONS;
  }).sort((a, b) => a - b);
  const median = rounds[ROUNDS >> 1] ?? 0;
  process.stdout.write(
    `${name.padEnd(34)} ${String(bytes.length).padStart(5)} B ${median.toFixed(0).padStart(6)} ns\n`,
  );
}
