import assert from "node:assert/strict";
import { test } from "node:test";
import { addGrant } from "./access.ts";

test("reads a role with its namespace, and without one takes the whole mesh", () => {
  const grants = addGrant("viewer", addGrant("operator@shop", []));
  assert.deepEqual(grants, [
    { role: "operator", namespace: "shop" },
    { role: "viewer", namespace: "*" },
  ]);
});

test("says what a grant looks like when it is none", () => {
  assert.throws(() => addGrant("root@shop", []), /expected ROLE@NAMESPACE/);
});
