import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { allows, allowsSomewhere, beyond, capGrants, type Grant, roleOn } from "./grants.ts";

const namespace = fc.constantFrom("*", "shop", "bank", "lab");
const role = fc.constantFrom("viewer" as const, "operator" as const, "admin" as const);
const grants: fc.Arbitrary<Grant[]> = fc.array(fc.record({ namespace, role }), { maxLength: 5 });

const cases: readonly [readonly Grant[], "viewer" | "operator" | "admin", string, boolean][] = [
  [[], "viewer", "shop", false],
  [[{ namespace: "shop", role: "operator" }], "operator", "shop", true],
  [[{ namespace: "shop", role: "operator" }], "admin", "shop", false],
  [[{ namespace: "shop", role: "operator" }], "viewer", "bank", false],
  [[{ namespace: "shop", role: "admin" }], "viewer", "*", false],
  [[{ namespace: "*", role: "operator" }], "operator", "bank", true],
  [
    [
      { namespace: "*", role: "viewer" },
      { namespace: "shop", role: "admin" },
    ],
    "admin",
    "shop",
    true,
  ],
];
for (const [held, needed, where, expected] of cases) {
  const words = held.map((one) => `${one.role} on ${one.namespace}`).join(" and ") || "no grant";
  test(`${words} ${expected ? "reaches" : "does not reach"} ${needed} on ${where}`, () => {
    assert.equal(allows(held, needed, where), expected);
  });
}

test("the highest of several roles on a namespace counts", () => {
  const held: Grant[] = [
    { namespace: "*", role: "operator" },
    { namespace: "shop", role: "viewer" },
  ];
  assert.equal(roleOn(held, "shop"), "operator");
  assert.equal(allowsSomewhere(held, "operator"), true);
  assert.equal(allowsSomewhere(held, "admin"), false);
});

test("capped grants allow exactly what both sides allow", () => {
  fc.assert(
    fc.property(grants, grants, role, namespace, (inner, outer, needed, where) => {
      const both = allows(inner, needed, where) && allows(outer, needed, where);
      assert.equal(allows(capGrants(inner, outer), needed, where), both);
    }),
  );
});

test("nothing of capped grants is beyond their owner", () => {
  fc.assert(
    fc.property(grants, grants, (inner, outer) => {
      assert.deepEqual(beyond(capGrants(inner, outer), outer), []);
    }),
  );
});
