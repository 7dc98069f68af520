import assert from "node:assert/strict";
import { test } from "node:test";
import { findGaps, isPageCurrent } from "./compatibility-page.ts";

test("every field that is served, or differs on purpose, has a conformance case that names it", () => {
  assert.deepEqual(findGaps().unproven, []);
});

test("conformance cases name fields that exist, and no two have one title", () => {
  assert.deepEqual(findGaps().unknown, []);
  assert.deepEqual(findGaps().twins, []);
});

test("docs/compatibility.md is up to date (node tools/compatibility-page.ts writes it)", () => {
  assert.ok(isPageCurrent());
});
