import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { returnPathOf } from "./return-path.ts";

test("returns to a page of the console with its query", () => {
  assert.equal(
    returnPathOf("/rollouts/shop/payments?window=900"),
    "/rollouts/shop/payments?window=900",
  );
  assert.equal(returnPathOf("/"), "/");
});

test("goes to the start page when asked to leave the console", () => {
  for (const wanted of [
    null,
    undefined,
    "",
    "//evil.example",
    "/\\evil.example",
    "https://evil.example/",
    "\t//evil",
    "javascript:alert(1)",
    "/login?next=/x",
    "/api/v1/me",
    "/.//evil.example",
  ]) {
    assert.equal(returnPathOf(wanted), "/", String(wanted));
  }
});

test("never leads to another origin, whatever it is given", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("/", "\\", ".", "a", ":", "@", "\t", "\n", "?") }),
      (wanted) => {
        const url = new URL(returnPathOf(wanted), "http://127.0.0.1:20001");
        assert.equal(url.origin, "http://127.0.0.1:20001");
      },
    ),
  );
});
