import assert from "node:assert/strict";
import { test } from "node:test";
import { isPageCurrent } from "./mtls-grid-page.ts";

test("docs/mtls-grid.md is up to date (node tools/mtls-grid-page.ts writes it)", () => {
  assert.ok(isPageCurrent());
});
