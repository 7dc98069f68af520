import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "./errors.ts";
import { parseMoment } from "./parse-moment.ts";

const NOW = new Date(2026, 10, 20, 14, 30).getTime();
const local = (...parts: [number, number, number, number, number, number?]) =>
  new Date(...parts).getTime();

const moments: Record<string, number> = {
  "14:20": local(2026, 10, 20, 14, 20),
  "14:20:30": local(2026, 10, 20, 14, 20, 30),
  "23:00": local(2026, 10, 19, 23, 0),
  "-10m": NOW - 600_000,
  "90s": NOW - 90_000,
  "2h ago": NOW - 7_200_000,
  "2026-11-20T10:00:00Z": Date.UTC(2026, 10, 20, 10),
  "2026-11-20 10:00": local(2026, 10, 20, 10, 0),
};
for (const [text, expected] of Object.entries(moments)) {
  test(`"${text}" is a moment before now`, () => {
    assert.equal(parseMoment(text, NOW), expected);
  });
}

for (const text of ["yesterday", "25:00", "14:61", "", "-10", "2026-11-21T10:00:00Z"]) {
  test(`"${text}" is refused with what is allowed, or why`, () => {
    assert.throws(() => parseMoment(text, NOW), UsageError);
  });
}
