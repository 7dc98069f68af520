import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { FormatFacts } from "./format-string.ts";
import { compileHeaderChanges, type HeaderLevel } from "./header-changes.ts";
import type { HeaderChanges } from "./header-operations.ts";
import { InvalidActionError } from "./invalid-action-error.ts";

type Fields = [name: string, value: string][];

function factsOf(fields: Fields): FormatFacts {
  const find = (name: string) => {
    const values = fields.filter(([one]) => one === name).map(([, value]) => value);
    return values.length === 0 ? undefined : values.join(",");
  };
  return { startTimeMs: 0, requestHeader: find, responseHeader: find, formatValue: () => "v" };
}

/** As a data path applies the plan. */
function apply(fields: Fields, ...levels: HeaderChanges[]): Fields {
  return applyPlan(
    fields,
    levels.map((level) => [level]),
  );
}

function applyPlan(fields: Fields, levels: readonly HeaderLevel[]): Fields {
  const plan = compileHeaderChanges("request", levels);
  if (plan === undefined) return fields;
  const facts = factsOf(fields);
  const appended = plan.appended
    .map(({ name, value }): [string, string] => [
      name,
      typeof value === "string" ? value : value(facts),
    ])
    .filter(([, value]) => value !== "");
  return [...fields.filter(([name]) => !plan.dropped.includes(name)), ...appended];
}

test("set overwrites, add appends, remove takes away", () => {
  const fields: Fields = [
    ["a", "1"],
    ["b", "2"],
    ["c", "3"],
  ];
  assert.deepEqual(apply(fields, { set: { a: "x" }, add: { b: "y" }, remove: ["c"] }), [
    ["b", "2"],
    ["a", "x"],
    ["b", "y"],
  ]);
});

test("within one level remove comes first, then set, then add", () => {
  const level = { remove: ["a"], set: { a: "set" }, add: { a: "added" } };
  assert.deepEqual(apply([["a", "old"]], level), [
    ["a", "set"],
    ["a", "added"],
  ]);
});

test("operations of one level join: removes, then sets of which the last wins, then adds", () => {
  const outer = { remove: ["b"], set: { a: "route" }, add: { c: "route" } };
  const inner = { set: { a: "destination" }, add: { b: "destination", c: "destination" } };
  assert.deepEqual(applyPlan([["b", "old"]], [[outer, inner]]), [
    ["b", "destination"],
    ["a", "destination"],
    ["c", "route"],
    ["c", "destination"],
  ]);
});

test("the route's level comes after the destination's", () => {
  assert.deepEqual(apply([], { set: { a: "destination" } }, { set: { a: "route" } }), [
    ["a", "route"],
  ]);
  assert.deepEqual(apply([], { add: { a: "destination" } }, { remove: ["a"] }), []);
});

test("a format string of the route reads what the destination has set", () => {
  const fields: Fields = [["a", "old"]];
  const levels = [{ set: { a: "new" } }, { set: { b: "<%REQ(a)%>" } }];
  assert.deepEqual(apply(fields, ...levels), [
    ["a", "new"],
    ["b", "<new>"],
  ]);
});

test("a format string of the same level reads what came, less what is removed", () => {
  const fields: Fields = [
    ["a", "old"],
    ["c", "gone"],
  ];
  const level = { set: { a: "new", b: "%REQ(a)%%REQ(c)%" }, remove: ["c"] };
  assert.deepEqual(apply(fields, level), [
    ["a", "new"],
    ["b", "old"],
  ]);
});

test("a header can be renamed across levels and swapped with itself", () => {
  assert.deepEqual(apply([["a", "1"]], { set: { a: "%REQ(a)%2" } }, { set: { a: "%REQ(a)%3" } }), [
    ["a", "123"],
  ]);
});

test("host and pseudo-headers are passed over (1.3)", () => {
  const level = { set: { host: "b", ":path": "/x" }, add: { ":method": "X" }, remove: ["Host"] };
  assert.equal(compileHeaderChanges("request", [[level]]), undefined);
});

test("nothing to do costs nothing", () => {
  assert.equal(compileHeaderChanges("request", [[undefined], [{}, { set: { a: "" } }]]), undefined);
});

for (const level of [
  { set: { "content-length": "3" } },
  { add: { "Transfer-Encoding": "chunked" } },
  { remove: ["connection"] },
  { set: { "a b": "1" } },
  { set: { a: "1\r\nb: 2" } },
] satisfies HeaderChanges[]) {
  test(`${JSON.stringify(level)} is refused with its field`, () => {
    assert.throws(
      () => compileHeaderChanges("response", [[level]]),
      (error: Error) => {
        return error instanceof InvalidActionError && error.field.startsWith("headers.response.");
      },
    );
  });
}

test("the folded plan does what the levels do one after the other", () => {
  const name = fc.constantFrom("a", "b", "c");
  const values = fc.dictionary(name, fc.constantFrom("1", "2"));
  const level = fc.record({ set: values, add: values, remove: fc.array(name) });
  const fields = fc.array(fc.tuple(name, fc.constantFrom("x", "y")));
  const sorted = (list: Fields) => list.map((field) => field.join("=")).sort();
  fc.assert(
    fc.property(fields, level, level, (given, inner, outer) => {
      const oneByOne = apply(apply(given, inner), outer);
      assert.deepEqual(sorted(apply(given, inner, outer)), sorted(oneByOne));
    }),
  );
});
