import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { groupMarkers } from "./group-markers.ts";

test("near markers merge into one at the newest, far ones stay apart", () => {
  const groups = groupMarkers([100, 90, 40], (x) => x, 24);
  assert.deepEqual(groups, [
    { xPx: 100, items: [100, 90] },
    { xPx: 40, items: [40] },
  ]);
});

test("no two markers overlap and none is lost", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1000 })), (places) => {
      const newestFirst = places.toSorted((a, b) => b - a);
      const groups = groupMarkers(newestFirst, (x) => x, 24);
      assert.deepEqual(
        groups.flatMap((group) => group.items),
        newestFirst,
      );
      groups.slice(1).forEach((group, at) => {
        assert.ok((groups[at]?.xPx ?? 0) - group.xPx >= 24);
      });
    }),
  );
});
