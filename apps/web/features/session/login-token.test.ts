import assert from "node:assert/strict";
import { test } from "node:test";
import { loginTokenOf } from "./login-token.ts";

test("finds the token in a pasted link and takes a bare token as it is", () => {
  assert.equal(loginTokenOf(" http://127.0.0.1:20001/login?token=a.b-c \n"), "a.b-c");
  assert.equal(loginTokenOf("a.b-c"), "a.b-c");
});

test("finds no token in other text", () => {
  for (const text of ["", "  ", "http://127.0.0.1:20001/login", "/login", "two words"]) {
    assert.equal(loginTokenOf(text), undefined, text);
  }
});
