import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  endedSessionCookie,
  isHttpsRequest,
  readSessionToken,
  sessionCookie,
} from "./session-cookie.ts";

test("keeps the session from scripts, other sites and, over https, from plain http", () => {
  assert.equal(
    sessionCookie("s.1", 61_000, 1000, false),
    "heddle-session=s.1; Path=/; Max-Age=60; HttpOnly; SameSite=Strict",
  );
  assert.equal(
    sessionCookie("s.1", 61_000, 1000, true),
    "__Host-heddle-session=s.1; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure",
  );
  assert.match(endedSessionCookie(false), /^heddle-session=; Path=\/; Max-Age=0;/);
});

test("reads back any token it wrote, among other cookies", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "grapheme-ascii" }), (token) => {
      const pair = sessionCookie(token, 61_000, 1000, false).split(";", 1)[0] ?? "";
      const expected = /^[\w.~%-]+$/.test(encodeURIComponent(token)) ? token : undefined;
      assert.equal(readSessionToken(`heddle-theme=dark; ${pair}; a=b`, false), expected);
    }),
  );
});

test("takes no cookie over https that another host or plain http could have set", () => {
  assert.equal(readSessionToken("heddle-session=planted", true), undefined);
  assert.equal(readSessionToken("heddle-session=planted; __Host-heddle-session=own", true), "own");
});

test("finds no session in a missing, empty or broken cookie", () => {
  for (const header of [null, "", "a=b", "heddle-session=", "heddle-session=%E0%A4%A"]) {
    assert.equal(readSessionToken(header, false), undefined, String(header));
  }
});

test("knows https from the address or from the proxy before it", () => {
  assert.equal(isHttpsRequest(new Request("http://a.test/")), false);
  assert.equal(isHttpsRequest(new Request("https://a.test/")), true);
  const forwarded = { headers: { "x-forwarded-proto": "https" } };
  assert.equal(isHttpsRequest(new Request("http://a.test/", forwarded)), true);
});
