import assert from "node:assert/strict";
import { test } from "node:test";
import { hashPassword, isOutdated, isPassword, passwordFault } from "./passwords.ts";

test("a password is known by its hash, and no other is", async () => {
  const stored = await hashPassword("correct horse battery");
  assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  assert.equal(await isPassword("correct horse battery", stored), true);
  assert.equal(await isPassword("correct horse batterz", stored), false);
  assert.equal(await isPassword("correct horse battery", undefined), false);
  assert.equal(await isPassword("correct horse battery", "$plain$correct"), false);
  assert.equal(isOutdated(stored), false);
  assert.equal(isOutdated(stored.replace("t=2", "t=1")), true);
});

test("the same password is hashed differently each time", async () => {
  const hashes = await Promise.all([1, 2, 3].map(() => hashPassword("correct horse battery")));
  assert.equal(new Set(hashes).size, 3);
});

test("a password that holds the user's name or repeats few characters is not taken", () => {
  assert.match(passwordFault("my-Ada.Lovelace-pw", "ada.lovelace@example.org") ?? "", /name/);
  assert.match(passwordFault("abababababab", "jon") ?? "", /different/);
  assert.equal(passwordFault("correct horse battery", "jo"), undefined);
});
