import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { normalizePath, PATH_NORMALIZATIONS } from "./normalize-path.ts";

type Row = [path: string, base: string | undefined, merge?: string, decoded?: string];

const rows: Row[] = [
  ["/", "/"],
  ["*", "*"],
  ["/a/b", "/a/b"],
  ["/.well-known/x", "/.well-known/x"],
  ["/...", "/..."],
  ["/a/./b", "/a/b"],
  ["/a/../b", "/b"],
  ["/a/b/..", "/a/"],
  ["/a/b/.", "/a/b/"],
  ["/..", "/"],
  ["/../../a", "/a"],
  ["/a/%2e%2E/b", "/b"],
  ["/a/.%2e/b", "/b"],
  ["/%61dmin", "/admin"],
  ["/a%20b", "/a%20b"],
  ["/a%2525", "/a%2525"],
  ["/a%7E%2d", "/a~-"],
  ["/a\\b", "/a/b"],
  ["/a\\..\\b", "/b"],
  ["/public/..\\admin", "/admin"],
  ["/%%32e%%32e/admin", "/admin"],
  ["/100%", "/100%"],
  ["/a%zz", "/a%zz"],
  ["//admin", "//admin", "/admin"],
  ["///a//b/", "///a//b/", "/a/b/"],
  ["/a//../b", "/a/b", "/a/b"],
  ["/%2fadmin", "/%2fadmin", "/%2fadmin", "/admin"],
  ["/public%2F..%5Cadmin", "/public%2F..%5Cadmin", "/public%2F..%5Cadmin", "/admin"],
  ["/a%5cb", "/a%5cb", "/a%5cb", "/a/b"],
  ["/a%00", undefined],
  ["/a%%30%30", undefined],
  ["/a#b", undefined],
];
for (const [path, base, merge = base, decoded = merge] of rows) {
  test(`"${path}" becomes "${base}", "${merge}", "${decoded}" (§5 pain 16)`, () => {
    assert.equal(normalizePath(path, "NONE"), path);
    assert.equal(normalizePath(path, "BASE"), base);
    assert.equal(normalizePath(path, "MERGE_SLASHES"), merge);
    assert.equal(normalizePath(path, "DECODE_AND_MERGE_SLASHES"), decoded);
  });
}

const piece = fc.constantFrom(
  ..."/ . .. \\ % 2 5 e E f F c C 0 a A %2e %2F %5c %25 %00 %41 # ~ // ;".split(" "),
);
const anyPath = fc.array(piece, { maxLength: 24 }).map((pieces) => `/${pieces.join("")}`);
const mode = fc.constantFrom(...PATH_NORMALIZATIONS);

test("a normal path stays as it is: what is matched is what the next hop matches", () => {
  fc.assert(
    fc.property(anyPath, mode, (path, one) => {
      const normal = normalizePath(path, one);
      if (normal !== undefined) assert.equal(normalizePath(normal, one), normal);
    }),
    { numRuns: 5000 },
  );
});

test("no normal path has a dot segment, a backslash, or what the mode takes away", () => {
  fc.assert(
    fc.property(anyPath, mode, (path, one) => {
      const normal = normalizePath(path, one);
      if (normal === undefined || one === "NONE") return;
      assert.match(normal, /^\//);
      assert.doesNotMatch(normal, /\\|\/\.\.?(\/|$)|%2e|%00|%41/i);
      if (one !== "BASE") assert.doesNotMatch(normal, /\/\//);
      if (one === "DECODE_AND_MERGE_SLASHES") assert.doesNotMatch(normal, /%2f|%5c/i);
    }),
    { numRuns: 5000 },
  );
});

test("a long path of nested escapes takes linear time", () => {
  const path = `/${"%".repeat(8000)}${"32".repeat(4000)}`;
  const startMs = performance.now();
  normalizePath(path, "DECODE_AND_MERGE_SLASHES");
  assert.ok(performance.now() - startMs < 500);
});
