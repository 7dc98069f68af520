import assert from "node:assert/strict";
import { test } from "node:test";
import { OutBuffer } from "@heddle/http1";
import { TraceContext } from "./trace-context.ts";

const trace = "0af7651916cd43dd8448eb211c80319c";
const parent = "b7ad6b7169203331";

function begin(traceparent: string | undefined, requestId?: string): TraceContext {
  const context = new TraceContext();
  context.begin(traceparent, requestId, () => false);
  return context;
}

function written(context: TraceContext): string {
  const out = new OutBuffer(16);
  context.write(out);
  return out.bytes.toString("latin1", 0, out.length);
}

const malformed = [
  `00-${trace}-${parent}`,
  `00-${trace.toUpperCase()}-${parent}-01`,
  `ff-${trace}-${parent}-01`,
  `00-${trace}-${parent}-01-more`,
  `00-${"0".repeat(32)}-${parent}-01`,
  `00-${trace}-${"0".repeat(16)}-01`,
  "",
];

for (const traceparent of malformed) {
  test(`starts a trace of its own for traceparent "${traceparent}"`, () => {
    const context = begin(traceparent);
    assert.equal(context.hasParent, false);
    assert.equal(context.parentSpanId, undefined);
    assert.notEqual(context.traceId, trace);
  });
}

test("continues a trace, of a later version too, and respects its sampled bit", () => {
  for (const [version, flags, isSampled] of [
    ["00", "01", true],
    ["00", "00", false],
    ["cc", "03", true],
  ] as const) {
    const context = begin(`${version}-${trace}-${parent}-${flags}`);
    assert.deepEqual(
      [context.traceId, context.parentSpanId, context.isSampled],
      [trace, parent, isSampled],
    );
  }
});

test("writes the same ids into the head that it gives to spans", () => {
  const context = begin(undefined);
  const head = written(context);
  const expected = `traceparent: 00-${context.traceId}-${context.spanId}-00\r\nx-request-id: ${context.requestId}\r\n`;
  assert.equal(head, expected);
  assert.match(
    context.requestId,
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

test("keeps the caller's request id, unless it is empty or longer than 128 characters", () => {
  assert.equal(begin(undefined, "abc").requestId, "abc");
  assert.equal(begin(undefined, "").requestId.length, 36);
  assert.equal(begin(undefined, "a".repeat(129)).requestId.length, 36);
});

test("gives every request ids of its own", () => {
  const context = new TraceContext();
  const seen = new Set<string>();
  for (let i = 0; i < 5_000; i++) {
    context.begin(undefined, undefined, () => false);
    seen.add(context.traceId).add(context.spanId).add(context.requestId);
  }
  assert.equal(seen.size, 15_000);
});
