import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileMatches } from "./match-request.ts";
import { relateMatches } from "./relate-matches.ts";
import type { RouteMatch } from "./route.ts";
import type { StringMatch } from "./string-match.ts";

const text = fc.constantFrom("/a", "/ab", "/a/b", "/c");
const anyText: fc.Arbitrary<StringMatch> = fc.oneof(
  text.map((value) => ({ kind: "exact" as const, value })),
  text.map((value) => ({ kind: "prefix" as const, value })),
  fc.constant({ kind: "present" as const }),
  fc.constant({ kind: "regex" as const, value: "/a.*" }),
);
const named = fc.dictionary(fc.constantFrom("x", "y"), anyText, { maxKeys: 2 });
const anyMatch: fc.Arbitrary<RouteMatch> = fc.record(
  {
    uri: anyText,
    ignoreUriCase: fc.boolean(),
    method: fc.constantFrom("GET", "POST").map((value) => ({ kind: "exact" as const, value })),
    headers: named,
    withoutHeaders: named,
    port: fc.constantFrom(80, 81),
  },
  { requiredKeys: [] },
);
const anyRequest = fc.record({
  path: fc.constantFrom("/a", "/ab", "/a/b", "/A", "/c", "/d"),
  method: fc.constantFrom("GET", "POST"),
  port: fc.constantFrom(80, 81),
  headers: fc.dictionary(fc.constantFrom("x", "y"), fc.constantFrom("/a", "/a/b", "/c", "q")),
});

test("what it says of two matches holds for every request", () => {
  fc.assert(
    fc.property(anyMatch, anyMatch, anyRequest, (one, other, { headers, ...rest }) => {
      const facts = { ...rest, authority: "", header: (name: string) => headers[name] };
      const [isOne, isOther] = [one, other].map((match) => compileMatches([match])(facts));
      const relation = relateMatches(one, other);
      if (relation === "inside") assert.ok(!isOne || isOther);
      if (relation === "apart") assert.ok(!(isOne && isOther));
    }),
    { numRuns: 2000 },
  );
});

const related: [RouteMatch | undefined, RouteMatch | undefined, string][] = [
  [undefined, undefined, "inside"],
  [{ uri: { kind: "exact", value: "/a/b" } }, { uri: { kind: "prefix", value: "/a" } }, "inside"],
  [{ uri: { kind: "prefix", value: "/a" } }, { uri: { kind: "prefix", value: "/b" } }, "apart"],
  [{ uri: { kind: "prefix", value: "/a" } }, { uri: { kind: "exact", value: "/a/b" } }, "overlap"],
  [
    { headers: { x: { kind: "present" } } },
    { withoutHeaders: { x: { kind: "present" } } },
    "apart",
  ],
  [undefined, { port: 80 }, "overlap"],
];
for (const [one, other, relation] of related) {
  test(`${JSON.stringify(one) ?? "any"} is ${relation} ${JSON.stringify(other) ?? "any"}`, () => {
    assert.equal(relateMatches(one, other), relation);
  });
}
