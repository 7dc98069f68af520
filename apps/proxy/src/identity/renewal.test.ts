import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { renewalDelayMs } from "./renewal.ts";

const failures = fc.integer({ min: 1, max: 1_000 });
const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a renewal is tried again within 5 min, and never more than twice a second", () => {
  const rest = fc.integer({ min: -1e9, max: 1e11 });
  fc.assert(
    fc.property(failures, rest, draw, (count, restMs, drawn) => {
      const delayMs = renewalDelayMs(count, restMs, drawn);
      return delayMs >= 500 && delayMs <= 300_000;
    }),
  );
});

test("several tries fit into what is left of a certificate, however often it has failed", () => {
  const rest = fc.integer({ min: 6_000, max: 1e11 });
  fc.assert(
    fc.property(failures, rest, draw, (count, restMs, drawn) => {
      assert.ok(renewalDelayMs(count, restMs, drawn) <= restMs / 6);
    }),
  );
});

test("the first tries come quickly, later ones further apart", () => {
  const dayMs = 86_400_000;
  const spans = [1, 2, 3, 4, 5, 6, 7].map((count) => renewalDelayMs(count, dayMs, 0.999_999));
  assert.deepEqual(
    spans.map((ms) => Math.round(ms / 1000)),
    [10, 20, 40, 80, 160, 300, 300],
  );
});
