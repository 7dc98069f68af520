import assert from "node:assert/strict";
import { test } from "node:test";
import { Presence } from "./presence.ts";

const at = (name: string, page = "a", subject = "VirtualService/shop/reviews") => ({
  subject,
  name,
  page,
});

test("people at the same thing see each other and never themselves", () => {
  const presence = new Presence();
  assert.equal(presence.note(at("ada"), 1000), true);
  assert.equal(presence.note(at("bob"), 2000), true);
  presence.note(at("eve", "a", "VirtualService/shop/cart"), 2000);
  assert.deepEqual(presence.othersAt(at("ada"), 2000), [{ name: "bob", sinceMs: 2000 }]);
  assert.deepEqual(presence.othersAt(at("bob"), 2000), [{ name: "ada", sinceMs: 1000 }]);
});

test("saying it again is no news, and who says nothing for 45 s is gone", () => {
  const presence = new Presence();
  presence.note(at("ada"), 0);
  presence.note(at("bob"), 0);
  assert.equal(presence.note(at("ada"), 20_000), false);
  assert.deepEqual(presence.othersAt(at("bob"), 44_000), [{ name: "ada", sinceMs: 0 }]);
  assert.deepEqual(presence.othersAt(at("ada"), 45_000), []);
  assert.deepEqual(presence.othersAt(at("bob"), 65_000), []);
});

test("somebody with two pages is gone when the second is left", () => {
  const presence = new Presence();
  presence.note(at("ada", "a"), 0);
  assert.equal(presence.note(at("ada", "b"), 0), false);
  assert.equal(presence.leave(at("ada", "a")), false);
  assert.equal(presence.leave(at("ada", "b")), true);
  assert.equal(presence.leave(at("ada", "b")), false);
});

test("a flood of pages makes room by the one heard of longest ago", () => {
  const presence = new Presence();
  presence.note(at("ada"), 0);
  for (let page = 0; page < 2000; page += 1) presence.note(at("mallory", String(page)), 1);
  assert.deepEqual(
    presence.othersAt(at("bob"), 1).map(({ name }) => name),
    ["mallory"],
  );
});
