import assert from "node:assert/strict";
import { test } from "node:test";
import { grantsFault, grantWords } from "./grant-words.ts";

test("says a grant in words", () => {
  assert.equal(grantWords({ namespace: "shop", role: "operator" }), "operator on shop");
  assert.equal(grantWords({ namespace: "*", role: "admin" }), "admin on the whole mesh");
});

test("names what is wrong with grants being written", () => {
  const role = "viewer";
  assert.equal(
    grantsFault([
      { namespace: "*", role },
      { namespace: "shop", role },
    ]),
    undefined,
  );
  assert.match(grantsFault([{ namespace: "", role }]) ?? "", /Name the namespace/);
  assert.match(grantsFault([{ namespace: "Shop", role }]) ?? "", /Shop is no namespace/);
  assert.match(
    grantsFault([
      { namespace: "a", role },
      { namespace: "a", role },
    ]) ?? "",
    /twice/,
  );
});
