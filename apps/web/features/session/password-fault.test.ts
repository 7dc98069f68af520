import assert from "node:assert/strict";
import { test } from "node:test";
import { passwordFaultOf } from "./password-fault.ts";

test("a password is long, holds no name and is typed twice alike", () => {
  assert.match(passwordFaultOf("short", "short", "ada") ?? "", /at least 12 characters \(has 5\)/);
  assert.match(passwordFaultOf("I am Ada myself", "I am Ada myself", "ada") ?? "", /your name/);
  assert.match(
    passwordFaultOf("correct horse battery", "correct horse", "ada") ?? "",
    /not the same/,
  );
  assert.equal(passwordFaultOf("correct horse battery", "correct horse battery", "jo"), undefined);
});
