import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findQueryParameter } from "./query-parameter.ts";

const cases: [query: string | undefined, value: string | undefined][] = [
  [undefined, undefined],
  ["", undefined],
  ["key", ""],
  ["key=", ""],
  ["key=1", "1"],
  ["a=2&key=1", "1"],
  ["keys=1&key=2", "2"],
  ["akey=1", undefined],
  ["key=1&key=2", "1"],
  ["key&key=2", ""],
  ["key=a=b", "a=b"],
  ["key=%31", "%31"],
  ["KEY=1", undefined],
  ["&&key=1", "1"],
];
for (const [query, value] of cases) {
  test(`the parameter "key" of "?${query}" is ${JSON.stringify(value)}`, () => {
    assert.equal(findQueryParameter(query, "key"), value);
  });
}

test("a parameter is found as if the query had been split", () => {
  const text = fc.stringMatching(/^[ab=&%]{0,12}$/);
  fc.assert(
    fc.property(text, fc.constantFrom("a", "b", "ab"), (query, name) => {
      const pairs = query.split("&").map((pair) => {
        const equals = pair.indexOf("=");
        return equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
      });
      const expected = pairs.find(([key]) => key === name)?.[1];
      assert.equal(findQueryParameter(query, name), expected);
    }),
  );
});
