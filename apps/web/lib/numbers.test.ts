import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatBytesPerSecond,
  formatCount,
  formatCounted,
  formatNumber,
  formatRate,
  formatShare,
} from "./numbers.ts";

const plain = (text: string): string => text.replaceAll("\u00a0", " ");

test("writes at most three digits, and k from 1,000", () => {
  const table: [number, string][] = [
    [0, "0"],
    [0.004, "< 0.01"],
    [0.04, "0.04"],
    [0.6, "0.6"],
    [4.2, "4.2"],
    [42.06, "42.1"],
    [99.96, "100"],
    [214.3, "214"],
    [999.6, "1.0k"],
    [1263, "1.3k"],
    [9960, "10k"],
    [24_000, "24k"],
    [12_345_678, "12M"],
    [-4.2, "\u22124.2"],
  ];
  for (const [value, text] of table) assert.equal(plain(formatNumber(value)), text);
});

test("puts a no-break space before the unit and says when there is no figure", () => {
  assert.equal(formatRate(42.1), "42.1\u00a0rps");
  assert.equal(formatRate(undefined), "no data");
  assert.equal(formatRate(0), "0\u00a0rps");
});

test("never rounds a share to a false 0 or 100", () => {
  const table: [number | undefined, string][] = [
    [undefined, "no data"],
    [0, "0 %"],
    [0.0004, "< 0.1 %"],
    [0.003, "0.3 %"],
    [0.087, "8.7 %"],
    [0.0996, "10 %"],
    [0.1, "10 %"],
    [0.456, "46 %"],
    [0.94, "94 %"],
    [0.986, "98.6 %"],
    [0.9995, "> 99.9 %"],
    [1, "100 %"],
  ];
  for (const [ratio, text] of table) assert.equal(plain(formatShare(ratio)), text);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (ratio) => {
      const text = plain(formatShare(ratio));
      assert.equal(text === "0 %", ratio === 0);
      assert.equal(text === "100 %", ratio === 1);
    }),
  );
});

test("counts with commas and agrees with its noun", () => {
  assert.equal(formatCount(51_840), "51,840");
  assert.equal(plain(formatCounted(1, "request")), "1 request");
  assert.equal(plain(formatCounted(0, "request")), "0 requests");
  assert.equal(plain(formatCounted(2, "proxy", "proxies")), "2 proxies");
});

test("writes bytes in decimal units", () => {
  assert.equal(plain(formatBytesPerSecond(640_000)), "640 KB/s");
  assert.equal(plain(formatBytesPerSecond(2_100_000)), "2.1 MB/s");
  assert.equal(plain(formatBytesPerSecond(12)), "12 B/s");
});
