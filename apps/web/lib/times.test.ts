import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatClock,
  formatDayName,
  formatDuration,
  formatSince,
  formatStamp,
  formatTimeLeft,
  formatWindow,
} from "./times.ts";

const plain = (text: string): string => text.replaceAll("\u00a0", " ");
const now = Date.UTC(2026, 10, 20, 14, 32, 7);

test("writes a duration in the unit a person would choose", () => {
  const table: [number | undefined, string][] = [
    [undefined, "no data"],
    [0, "0 ms"],
    [0.02, "< 0.1 ms"],
    [3.21, "3.2 ms"],
    [9, "9 ms"],
    [38.4, "38 ms"],
    [412, "412 ms"],
    [999.7, "1.00 s"],
    [1240, "1.24 s"],
    [12_400, "12.4 s"],
    [59_970, "1 min"],
    [338_000, "5 min 38 s"],
    [3_600_000, "1 h"],
    [7_500_000, "2 h 5 min"],
    [273_600_000, "3 d 4 h"],
    [-30, "\u221230 ms"],
  ];
  for (const [ms, text] of table) assert.equal(plain(formatDuration(ms)), text);
});

test("never writes 60 s or 60 min", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 4e8, noNaN: true }), (ms) => {
      assert.doesNotMatch(plain(formatDuration(ms)), /\b(60(\.0)? (s|min)|1000 ms|24 h)$/);
    }),
  );
});

test("counts back below one hour, then gives the clock, then the date", () => {
  assert.equal(plain(formatSince(now - 2000, now)), "2 s ago");
  assert.equal(plain(formatSince(now - 720_000, now)), "12 min ago");
  assert.equal(plain(formatSince(now - 4_000_000, now)), "13:25:27");
  assert.equal(plain(formatSince(now - 86_400_000, now)), "19 Nov, 14:32:07");
});

test("gives the clock in 24 h and the full stamp with its zone", () => {
  assert.equal(formatClock(Date.UTC(2026, 10, 20, 0, 0, 5)), "00:00:05");
  assert.equal(formatStamp(now), "20 Nov 2026, 14:32:07 UTC");
  assert.equal(formatClock(now, "Europe/Berlin"), "15:32:07");
});

test("names today and yesterday", () => {
  assert.equal(formatDayName(now - 1000, now), "Today");
  assert.equal(formatDayName(now - 86_400_000, now), "Yesterday");
  assert.equal(formatDayName(now - 3 * 86_400_000, now), "17 Nov");
});

test("says what is left, and what has ended", () => {
  assert.equal(plain(formatTimeLeft(now + 18.5 * 3_600_000, now)), "18 h left");
  assert.equal(plain(formatTimeLeft(now - 180_000, now)), "ended 3 min ago");
});

test("writes a window with its unit", () => {
  assert.equal(plain(formatWindow(30_000)), "30 s");
  assert.equal(plain(formatWindow(300_000)), "5 min");
  assert.equal(plain(formatWindow(86_400_000)), "24 h");
});
