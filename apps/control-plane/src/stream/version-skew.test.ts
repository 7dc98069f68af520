import assert from "node:assert/strict";
import { test } from "node:test";
import { describeSkew } from "./version-skew.ts";

const cases: readonly [proxy: string, own: string, expected: RegExp | undefined][] = [
  ["0.1.0", "0.1.0", undefined],
  ["0.1.7", "0.1.0-rc.1", undefined],
  ["0.2.0", "0.1.0", /understand each other/],
  ["1.3.0", "1.4.9", /understand each other/],
  ["0.3.0", "0.1.0", /not supported/],
  ["2.0.0", "1.0.0", /not supported/],
  ["new", "0.1.0", /"new" is not of the form/],
];
for (const [proxy, own, expected] of cases) {
  const what = expected === undefined ? "says nothing of" : "warns of";
  test(`${what} a proxy ${proxy} beside a control plane ${own}`, () => {
    const said = describeSkew(proxy, own);
    if (expected === undefined) assert.equal(said, undefined);
    else assert.match(said ?? "", expected);
  });
}
