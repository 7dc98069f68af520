import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type GroupCounts,
  panickingGroups,
  priorityShares,
  weightedShares,
} from "./locality-shares.ts";

const counts = (...groups: [total: number, available: number][]): GroupCounts[] =>
  groups.map(([total, available]) => ({ total, available }));
const close = (actual: readonly number[], expected: readonly number[]): void => {
  assert.equal(actual.length, expected.length);
  for (const [i, one] of actual.entries()) {
    assert.ok(
      Math.abs(one - (expected[i] ?? 0)) < 0.005,
      `${actual.join()} instead of ${expected.join()}`,
    );
  }
};

// The table of Envoy's documentation on priority levels.
const spills: readonly [groups: GroupCounts[], shares: number[]][] = [
  [counts([100, 100], [100, 100]), [1, 0]],
  [counts([100, 72], [100, 72]), [1, 0]],
  [counts([100, 71], [100, 71]), [0.99, 0.01]],
  [counts([100, 50], [100, 60]), [0.7, 0.3]],
  [counts([100, 25], [100, 100]), [0.35, 0.65]],
  [counts([100, 0], [100, 100]), [0, 1]],
  [counts([100, 25], [100, 25]), [0.5, 0.5]],
  [counts([100, 20], [100, 20], [100, 10]), [0.4, 0.4, 0.2]],
  [counts([100, 0], [100, 0]), [0, 0]],
];
for (const [groups, shares] of spills) {
  const available = groups.map((group) => group.available).join(", ");
  test(`priorities with ${available} of 100 available get ${shares.join()}`, () => {
    close(priorityShares(groups), shares);
  });
}

test("a distributed locality loses what its health does not cover to the others", () => {
  close(weightedShares(counts([10, 10], [10, 10]), [80, 20]), [0.8, 0.2]);
  close(weightedShares(counts([10, 8], [10, 10]), [80, 20]), [0.8, 0.2]);
  close(weightedShares(counts([10, 5], [10, 10]), [80, 20]), [56 / 76, 20 / 76]);
  close(weightedShares(counts([10, 0], [10, 10]), [80, 20]), [0, 1]);
  close(weightedShares([], []), []);
});

const panics: readonly [groups: GroupCounts[], minHealthRatio: number, panics: boolean[]][] = [
  [counts([10, 4]), 0.5, [true]],
  [counts([10, 5]), 0.5, [false]],
  [counts([10, 0]), 0, [false]],
  [counts([10, 4], [10, 10]), 0.5, [false, false]], // the second can carry what the first cannot
  [counts([10, 2], [10, 3]), 0.5, [true, true]],
  [counts([10, 2], [10, 3]), 0.25, [true, false]],
  [counts([0, 0]), 1, [false]],
];
for (const [groups, ratio, expected] of panics) {
  const shown = groups.map(({ total, available }) => `${available} of ${total}`).join(" and ");
  test(`with ${shown} healthy and a minimum of ${ratio}, ejections are ignored: ${expected.join()}`, () => {
    assert.deepEqual(panickingGroups(groups, ratio), expected);
  });
}

test("shares sum to 1 as long as anybody is available, and groups without anybody get none", () => {
  const group = fc
    .tuple(fc.nat(50), fc.nat(50))
    .map(([available, more]) => ({ available, total: available + more }));
  const groups = fc.array(group, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(groups, fc.infiniteStream(fc.integer({ min: 1, max: 100 })), (list, weights) => {
      const picked = list.map(() => weights.next().value);
      for (const shares of [priorityShares(list), weightedShares(list, picked)]) {
        const sum = shares.reduce((all, one) => all + one, 0);
        const isAnybodyThere = list.some(({ available }) => available > 0);
        assert.ok(Math.abs(sum - (isAnybodyThere ? 1 : 0)) < 1e-9);
        for (const [i, share] of shares.entries()) {
          assert.ok(share >= 0 && (share === 0 || (list[i]?.available ?? 0) > 0));
        }
      }
    }),
  );
});
