import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { InvalidActionError } from "./invalid-action-error.ts";
import { InvalidRegexError } from "./regex.ts";
import { compilePathRewrite } from "./rewrite.ts";
import type { Rewrite, RouteMatch } from "./route.ts";

const prefix = (value: string): RouteMatch => ({ uri: { kind: "prefix", value } });
const exact = (value: string): RouteMatch => ({ uri: { kind: "exact", value } });
const regex = (value: string): RouteMatch => ({ uri: { kind: "regex", value } });

const cases: [
  title: string,
  rewrite: Rewrite,
  match: RouteMatch | undefined,
  path: string,
  sent: string,
][] = [
  ["a prefix alone is replaced", { uri: "/b" }, prefix("/a"), "/a/x", "/b/x"],
  ["/foo to / makes //x, literally (1.3)", { uri: "/" }, prefix("/foo"), "/foo/x", "//x"],
  ["a prefix inside a segment is replaced too", { uri: "/b" }, prefix("/a"), "/abc", "/bbc"],
  ["a prefix of another case goes by its length", { uri: "/b" }, prefix("/A"), "/a/x", "/b/x"],
  ["a whole path replaces an exact match", { uri: "/b" }, exact("/a"), "/a", "/b"],
  ["a whole path replaces a regex match", { uri: "/b" }, regex("/a.*"), "/a/x", "/b"],
  ["without a match the prefix is /", { uri: "/v1/" }, undefined, "/a", "/v1/a"],
  ["without a match on the path the prefix is /", { uri: "/v1" }, { port: 80 }, "/a", "/v1a"],
  ["a path keeps its first slash", { uri: "b" }, prefix("/a"), "/a/x", "/b/x"],
  [
    "groups go where their numbers stand",
    { uriRegex: { match: "^/service/([^/]+)(/.*)$", rewrite: "\\2/instance/\\1" } },
    undefined,
    "/service/foo/v1/api",
    "/v1/api/instance/foo",
  ],
  [
    "every part that matches is substituted",
    { uriRegex: { match: "one", rewrite: "two" } },
    undefined,
    "/xxx/one/yyy/one/zzz",
    "/xxx/two/yyy/two/zzz",
  ],
];
for (const [title, rewrite, match, path, sent] of cases) {
  test(title, () => assert.equal(compilePathRewrite(rewrite, match)?.(path), sent));
}

test("a rewrite of the authority alone leaves the path", () => {
  assert.equal(compilePathRewrite({ authority: "b" }, undefined), undefined);
});

test("what would end the request line is refused with its field", () => {
  for (const uri of ["/a b", "/a\r\nx: y", "/ä"]) {
    assert.throws(() => compilePathRewrite({ uri }, undefined), InvalidActionError);
  }
  const uriRegex = { match: "a", rewrite: "\r\n" };
  assert.throws(() => compilePathRewrite({ uriRegex }, undefined), InvalidActionError);
  const unknownGroup = { match: "a", rewrite: "\\1" };
  assert.throws(() => compilePathRewrite({ uriRegex: unknownGroup }, undefined), InvalidRegexError);
});

test("replacing a prefix by itself changes no path that has it", () => {
  const segment = fc.stringMatching(/^\/[a-z]{0,5}$/);
  fc.assert(
    fc.property(segment, fc.stringMatching(/^[a-z/]{0,10}$/), (start, rest) => {
      const path = start + rest;
      assert.equal(compilePathRewrite({ uri: start }, prefix(start))?.(path), path);
    }),
  );
});
