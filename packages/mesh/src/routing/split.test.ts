import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nextEvenDraw } from "./even-draw.ts";
import { compileSplit, InvalidSplitError, pickDestination } from "./split.ts";

const service = { namespace: "shop", name: "reviews" };

function split(...weights: number[]) {
  const destinations = weights.map((weight) => ({ service, subset: undefined, weight }));
  return compileSplit({ name: "default", destinations });
}

const weights = fc
  .array(fc.nat(1000), { minLength: 2, maxLength: 8 })
  .filter((list) => list.some((weight) => weight > 0));
const unitDraw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("one destination takes every request, even with weight 0", () => {
  assert.equal(pickDestination(split(0), 0.99), 0);
});

test("several destinations that all weigh 0 are refused by the route's name", () => {
  assert.throws(() => split(0, 0), InvalidSplitError);
  assert.throws(() => split(0, 0), /route default: total destination weight = 0/);
});

test("a destination of weight 0 is never picked, whatever the draw", () => {
  fc.assert(
    fc.property(weights, unitDraw, (list, draw) => {
      assert.ok((list[pickDestination(split(...list), draw)] ?? 0) > 0);
    }),
  );
});

test("the shares are the weights over their sum, and sum to one", () => {
  fc.assert(
    fc.property(weights, (list) => {
      const { upperEnds } = split(...list);
      const total = list.reduce((sum, weight) => sum + weight, 0);
      let below = 0;
      for (const [index, weight] of list.entries()) {
        const share = (upperEnds[index] ?? 0) - below;
        if (weight > 0) assert.ok(Math.abs(share - weight / total) < 1e-9);
        below = upperEnds[index] ?? 0;
      }
      assert.equal(upperEnds.at(-1), 1);
    }),
  );
});

test("even draws give each destination its share of few requests, from any start", () => {
  fc.assert(
    fc.property(unitDraw, fc.integer({ min: 1, max: 99 }), (start, percent) => {
      const canary = split(100 - percent, percent);
      let draw = start;
      let hits = 0;
      for (let request = 0; request < 200; request++) {
        draw = nextEvenDraw(draw);
        hits += pickDestination(canary, draw);
      }
      assert.ok(Math.abs(hits - 2 * percent) <= 4, `${hits} of 200 at ${percent} %`);
    }),
  );
});

test("a caller that alternates two kinds of request spreads each kind alike", () => {
  const canary = split(50, 50);
  let draw = 0.3;
  const hits = [0, 0];
  for (let request = 0; request < 400; request++) {
    draw = nextEvenDraw(draw);
    hits[request % 2] = (hits[request % 2] ?? 0) + pickDestination(canary, draw);
  }
  for (const kind of hits) assert.ok(Math.abs(kind - 100) <= 4, hits.join(" "));
});
