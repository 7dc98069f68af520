import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { momentText, parseMoment, readMoment } from "./moments.ts";

const NOW_MS = Date.parse("2026-11-20T14:32:07Z");

const moments: Readonly<Record<string, number | undefined>> = {
  "2026-11-20T14:20:05": Date.parse("2026-11-20T14:20:05Z"),
  "2026-11-20T14:20": Date.parse("2026-11-20T14:20:00Z"),
  "2026-11-20T14:32:08": undefined, // has not come yet
  "2026-02-31T10:00": undefined,
  "2026-11-20": undefined,
  "": undefined,
};
for (const [text, atMs] of Object.entries(moments)) {
  test(`"${text}" is ${atMs === undefined ? "no moment to go back to" : "a moment in UTC"}`, () => {
    assert.equal(parseMoment(text, NOW_MS), atMs);
  });
}

test("a moment that was written is read again, to the second", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: NOW_MS }), (atMs) => {
      assert.equal(parseMoment(momentText(atMs), NOW_MS), Math.floor(atMs / 1000) * 1000);
    }),
  );
});

test("what an address names is a moment only if it is a number of milliseconds", () => {
  assert.equal(readMoment("1795291563000"), 1_795_291_563_000);
  for (const text of [undefined, "", "-1", "1e3", "yesterday"]) {
    assert.equal(readMoment(text), undefined);
  }
});
