import assert from "node:assert/strict";
import { test } from "node:test";
import { isPageCurrent } from "./findings-page.ts";

test("docs/findings.md is up to date (node tools/findings-page.ts writes it)", () => {
  assert.ok(isPageCurrent());
});
