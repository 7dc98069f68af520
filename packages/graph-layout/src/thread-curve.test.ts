import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { overlaps, type Point, type Rect } from "./graph-shapes.ts";
import { placeChips } from "./place-chips.ts";
import { pointOnThread, threadCurve, threadPath } from "./thread-curve.ts";

const px = fc.integer({ min: -2000, max: 2000 });
const points = fc.record({ xPx: px, yPx: px });
const cards: fc.Arbitrary<readonly Rect[]> = fc.array(
  fc.record({
    xPx: px,
    yPx: px,
    widthPx: fc.integer({ min: 110, max: 156 }),
    heightPx: fc.integer({ min: 55, max: 150 }),
  }),
  { maxLength: 12 },
);

test("a thread begins and ends where it is docked and holds no NaN", () => {
  fc.assert(
    fc.property(points, points, cards, (from, to, obstacles) => {
      const curve = threadCurve(from, to, obstacles);
      const isAt = (a: Point, b: Point) => Math.hypot(a.xPx - b.xPx, a.yPx - b.yPx) < 0.01;
      assert.ok(isAt(pointOnThread(curve, 0), from) && isAt(pointOnThread(curve, 1), to));
      assert.ok(!threadPath(curve).includes("NaN"));
    }),
  );
});

test("a thread is led past the card that stands in its way", () => {
  const card = { xPx: 200, yPx: -30, widthPx: 120, heightPx: 60 };
  const curve = threadCurve({ xPx: 0, yPx: 0 }, { xPx: 600, yPx: 0 }, [card]);
  for (let step = 0; step <= 100; step++) {
    const at = pointOnThread(curve, step / 100);
    assert.ok(!overlaps({ ...at, widthPx: 0, heightPx: 0 }, card), `at ${at.xPx},${at.yPx}`);
  }
});

test("no chip lies over a card or over another chip", () => {
  fc.assert(
    fc.property(cards, fc.array(fc.tuple(points, points), { maxLength: 20 }), (obstacles, ends) => {
      const wishes = ends.map(([from, to], at) => ({
        id: String(at),
        curve: threadCurve(from, to, obstacles),
        widthPx: 60 + at,
        heightPx: 18,
        priority: at % 3,
      }));
      const places = placeChips(wishes, obstacles);
      const chips = wishes.flatMap((wish) => {
        const at = places.get(wish.id);
        if (at === undefined) return [];
        const { widthPx, heightPx } = wish;
        return [{ xPx: at.xPx - widthPx / 2, yPx: at.yPx - heightPx / 2, widthPx, heightPx }];
      });
      chips.forEach((chip, at) => {
        assert.ok(!obstacles.some((card) => overlaps(chip, card)));
        assert.ok(!chips.slice(at + 1).some((other) => overlaps(chip, other)));
      });
    }),
  );
});
