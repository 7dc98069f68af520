import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileRegex, compileRegexRewrite, InvalidRegexError, MAX_REGEX_LENGTH } from "./regex.ts";

test("an expression must match the whole text", () => {
  const isVersion = compileRegex("/v[0-9]+|/v[0-9]+/beta");
  const given = ["/v1", "/v1/beta", "/v1/", "x/v1"].map(isVersion);
  assert.deepEqual(given, [true, true, false, false]);
});

test("(?i) compares without case", () => {
  assert.equal(compileRegex("(?i)/cart")("/CART"), true);
});

test("a nested quantifier that would hold a backtracking engine answers at once", () => {
  const startMs = performance.now();
  assert.equal(compileRegex("(a+)+b")("a".repeat(5000)), false);
  assert.ok(performance.now() - startMs < 1000);
});

for (const pattern of ["(a", "a(?=b)", "(a)\\1", "a{1001}", "*"]) {
  test(`"${pattern}" is refused by name`, () => {
    assert.throws(
      () => compileRegex(pattern),
      (error: Error) =>
        error instanceof InvalidRegexError &&
        error.message.includes(pattern.slice(0, 4).replace("\\", "\\\\")),
    );
  });
}

test("an expression longer than Istio allows is refused", () => {
  assert.doesNotThrow(() => compileRegex("a".repeat(MAX_REGEX_LENGTH)));
  assert.throws(() => compileRegex("a".repeat(MAX_REGEX_LENGTH + 1)), InvalidRegexError);
});

test("a rewrite puts groups where their numbers stand, in every part that matches", () => {
  const swap = compileRegexRewrite("/(\\w+)/(\\w+)", "/\\2/\\1\\\\");
  assert.equal(swap("/a/b/c/d"), "/b/a\\/d/c\\");
  assert.equal(compileRegexRewrite("b+", "<\\0>")("abbc"), "a<bb>c");
});

test("a rewrite leaves a text alone that does not match", () => {
  const rewrite = compileRegexRewrite("/v1/(.*)", "/\\1");
  assert.equal(rewrite("/v2/x"), "/v2/x");
});

test("a rewrite with a group the expression does not have is refused", () => {
  assert.throws(
    () => compileRegexRewrite("/(a)", "\\2"),
    /uses \\2, and the expression has 1 groups/,
  );
  assert.throws(() => compileRegexRewrite("/(a)", "x\\"), InvalidRegexError);
});

test("whatever is written as an expression compiles or is refused with its own error", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), fc.string({ maxLength: 20 }), (pattern, text) => {
      try {
        compileRegex(pattern)(text);
      } catch (error) {
        assert.ok(error instanceof InvalidRegexError, String(error));
      }
    }),
  );
});
