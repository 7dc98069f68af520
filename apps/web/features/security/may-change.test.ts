import assert from "node:assert/strict";
import { test } from "node:test";
import { readOnlyReason } from "./may-change.ts";

const me = (...grants: { namespace: string; role: "viewer" | "operator" | "admin" }[]) => ({
  name: "jo",
  role: "viewer" as const,
  grants,
});

const cases: [given: Parameters<typeof readOnlyReason>, mayAct: boolean][] = [
  [[me({ namespace: "shop", role: "operator" }), "operator", "shop"], true],
  [[me({ namespace: "shop", role: "operator" }), "operator", "bank"], false],
  [[me({ namespace: "shop", role: "operator" }), "operator", "*"], false],
  [[me({ namespace: "*", role: "operator" }), "operator", "shop"], true],
  [[me({ namespace: "*", role: "operator" }), "admin", "*"], false],
  [[me(), "operator", "shop"], false],
  [[{ name: "jo", role: "admin" }, "admin", "*"], true],
  [[undefined, "admin", "*"], true],
];
for (const [given, mayAct] of cases) {
  test(`${JSON.stringify(given)} ${mayAct ? "may act" : "is told whom to ask"}`, () => {
    assert.equal(readOnlyReason(...given) === undefined, mayAct);
  });
}

test("names the role and the namespace that are missing", () => {
  assert.match(readOnlyReason(me(), "operator", "shop") ?? "", /operator on shop/);
  assert.match(readOnlyReason(me(), "admin", "*") ?? "", /admin on the whole mesh/);
});
