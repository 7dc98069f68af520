import assert from "node:assert/strict";
import { test } from "node:test";
import { compileHosts, DuplicateHostError, findHost } from "./host-table.ts";

const table = compileHosts(
  [
    "cart.shop",
    "*.example.com",
    "*-bar.example.com",
    "*.eu.example.com",
    "foo.*",
    "foo.bar.*",
    "*",
  ].map((host) => [host, host] as const),
);

const cases: Record<string, string> = {
  "cart.shop": "cart.shop",
  "a.example.com": "*.example.com",
  "a.b.example.com": "*.example.com",
  "a.eu.example.com": "*.eu.example.com",
  "foo-bar.example.com": "*-bar.example.com",
  "foo.example.com": "*.example.com",
  "foo.example.org": "foo.*",
  "foo.bar.org": "foo.bar.*",
  "example.com": "*",
  ".example.com": "*",
  "foo.": "*",
  "": "*",
};
for (const [host, rule] of Object.entries(cases)) {
  test(`host "${host}" falls under ${rule}`, () => assert.equal(findHost(table, host), rule));
}

test("a host no rule names has none", () => {
  assert.equal(findHost(compileHosts([["a", 1]]), "b"), undefined);
});

test("a host named twice is refused, whatever its case", () => {
  for (const host of ["a.b", "*.b", "a.*", "*"]) {
    const twice = [
      [host, 1],
      [host.toUpperCase(), 2],
    ] as const;
    assert.throws(() => compileHosts(twice), DuplicateHostError);
  }
});
