import assert from "node:assert/strict";
import { test } from "node:test";
import { DeadlineClock, type Watched } from "./deadline-clock.ts";

function watched(deadlineMs: number, onDeadline: (each: Watched) => void): Watched {
  const each: Watched = { deadlineMs, watchIndex: -1, onDeadline: () => onDeadline(each) };
  return each;
}

test("calls what is due, though each call takes itself and others off the list", async () => {
  const clock = new DeadlineClock();
  const called: number[] = [];
  const done = Promise.withResolvers<void>();
  const all = Array.from({ length: 10 }, (_, index) =>
    watched(index === 5 ? Number.POSITIVE_INFINITY : clock.nowMs + 1, (each) => {
      called.push(index);
      clock.unwatch(each);
      if (called.length === 9) done.resolve();
    }),
  );
  for (const each of all) clock.watch(each);
  // Keeps the process alive: the clock itself does not.
  const alive = setInterval(() => {}, 1_000);
  await done.promise;
  clearInterval(alive);
  assert.deepEqual(
    called.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 6, 7, 8, 9],
  );
  assert.equal(all[5]?.watchIndex, 0);
});

test("bears to be asked twice", () => {
  const clock = new DeadlineClock();
  const each = watched(0, () => {});
  clock.watch(each);
  clock.watch(each);
  assert.equal(each.watchIndex, 0);
  clock.unwatch(each);
  clock.unwatch(each);
  assert.equal(each.watchIndex, -1);
});
