import assert from "node:assert/strict";
import { test } from "node:test";
import { grantsOfClaim, parseGrantRules } from "./oidc-grants.ts";

const rules = parseGrantRules("mesh-admins=admin; shop-team=operator@shop,viewer; *=viewer@lab");

test("each value of the claim brings its grants, and * is for everybody", () => {
  assert.ok(rules);
  assert.deepEqual(grantsOfClaim(rules, undefined), [{ namespace: "lab", role: "viewer" }]);
  assert.deepEqual(grantsOfClaim(rules, ["shop-team", 7]), [
    { namespace: "shop", role: "operator" },
    { namespace: "*", role: "viewer" },
    { namespace: "lab", role: "viewer" },
  ]);
});

test("of several grants on a namespace the highest holds", () => {
  assert.ok(rules);
  const held = grantsOfClaim(rules, ["shop-team", "mesh-admins"]);
  assert.equal(held.find(({ namespace }) => namespace === "*")?.role, "admin");
});

test("a claim that is one text counts like a list of one", () => {
  assert.ok(rules);
  assert.equal(grantsOfClaim(rules, "mesh-admins")[0]?.role, "admin");
  assert.equal(grantsOfClaim(rules, "mesh-admin").length, 1);
});

test("a mapping that is not of the form is not taken in part", () => {
  for (const text of ["admins", "a=root", "a=admin@", "=admin", "a=admin,", "a=viewer@Shop"]) {
    assert.equal(parseGrantRules(text), undefined, text);
  }
  assert.deepEqual(parseGrantRules(""), []);
});
