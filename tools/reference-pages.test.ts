import assert from "node:assert/strict";
import { test } from "node:test";
import { findStalePages } from "./reference-pages.ts";

test("docs/cli.md, api.md and errors.md are up to date (node tools/reference-pages.ts writes them)", async () => {
  assert.deepEqual(await findStalePages(), []);
});
