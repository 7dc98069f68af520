import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SpanRecord } from "../core/traffic-recorder.ts";
import { SpanRing } from "./span-ring.ts";

function span(requestId: number): SpanRecord {
  return { requestId: String(requestId) } as SpanRecord;
}

test("a full ring loses its oldest spans and counts them", () => {
  const ring = new SpanRing(3);
  for (let id = 1; id <= 5; id++) ring.push(span(id));
  assert.deepEqual([ring.size, ring.dropped], [3, 2]);
  assert.deepEqual(
    ring.take(10).map(({ requestId }) => requestId),
    ["3", "4", "5"],
  );
});

test("what is not dropped comes out once and in order, however it is taken", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant("push"), fc.nat(4))), (steps) => {
      const ring = new SpanRing(4);
      let pushed = 0;
      const taken: number[] = [];
      for (const step of steps) {
        if (step === "push") ring.push(span(++pushed));
        else taken.push(...ring.take(step).map(({ requestId }) => Number(requestId)));
      }
      assert.equal(taken.length + ring.size + ring.dropped, pushed);
      assert.deepEqual(
        taken,
        [...new Set(taken)].sort((a, b) => a - b),
      );
    }),
  );
});
