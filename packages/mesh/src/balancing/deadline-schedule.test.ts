import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DeadlineSchedule } from "./deadline-schedule.ts";

const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 });
const unitDraw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("in any run each seat gets its share of turns, two off at most", () => {
  fc.assert(
    fc.property(weights, unitDraw, fc.integer({ min: 1, max: 2000 }), (list, draw, turns) => {
      const schedule = new DeadlineSchedule(list, draw);
      const counts = list.map(() => 0);
      for (let turn = 0; turn < turns; turn++) {
        const seat = schedule.first;
        counts[seat] = (counts[seat] ?? 0) + 1;
        schedule.reschedule(list[seat] ?? 1);
      }
      const total = list.reduce((sum, weight) => sum + weight, 0);
      const worst = Math.max(
        ...list.map((weight, i) => Math.abs((counts[i] ?? 0) - (turns * weight) / total)),
      );
      // One for the start, one for the end of the run; many light seats may lag a heavy one together.
      assert.ok(worst <= 2 + list.length / 2, `${worst} off`);
    }),
  );
});

test("the draw decides who begins", () => {
  const starts = new Set(
    [0, 0.3, 0.6, 0.9].map((draw) => new DeadlineSchedule([1, 1, 1, 1], draw).first),
  );
  assert.ok(starts.size > 1);
});
