import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ExchangeBounds, type PassedBound } from "./exchange-bounds.ts";

const IDLE_AT_MS = 1_000;

function boundsOf(routeAtMs: number, tryAtMs: number): ExchangeBounds {
  return Object.assign(new ExchangeBounds(), { routeAtMs, tryAtMs });
}

const cases: readonly [
  title: string,
  routeAtMs: number,
  tryAtMs: number,
  nowMs: number,
  isAnswered: boolean,
  expected: PassedBound | number,
][] = [
  ["looks again at the first bound", 500, 300, 100, false, 300],
  ["ends the try before the route", 500, 300, 300, false, "try"],
  ["ends the route even if the try has run out too", 500, 300, 500, false, "route"],
  ["lets an answer that has begun outlive its try", 500, 300, 400, true, 500],
  ["lets no answer outlive its route", 500, 300, 500, true, "route"],
  ["ends what stands still", 5_000, 5_000, 1_000, false, "idle"],
];
for (const [title, routeAtMs, tryAtMs, nowMs, isAnswered, expected] of cases) {
  test(title, () => {
    const bounds = boundsOf(routeAtMs, tryAtMs);
    assert.equal(bounds.check(nowMs, IDLE_AT_MS, isAnswered), expected);
  });
}

test("looks again in the future, and no later than any bound that holds", () => {
  const time = fc.integer({ min: 0, max: 10_000 });
  fc.assert(
    fc.property(time, time, time, time, fc.boolean(), (route, tried, idle, now, isAnswered) => {
      const found = boundsOf(route, tried).check(now, idle, isAnswered);
      if (typeof found !== "number") return;
      assert.ok(found > now);
      assert.ok(found <= route && found <= idle && (isAnswered || found <= tried));
    }),
  );
});
