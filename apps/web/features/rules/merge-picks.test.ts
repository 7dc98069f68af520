import assert from "node:assert/strict";
import { test } from "node:test";
import type { DocumentMerge } from "@heddle/contracts";
import { withPicks, withTheirs } from "./merge-picks.ts";

const MERGE: DocumentMerge = {
  kind: "VirtualService",
  namespace: "shop",
  name: "reviews",
  baseRevision: 4,
  theirsRevision: 6,
  yours: "spec:\n  timeout: 200ms\n  retries: 2\n  mine: yes\n",
  conflicts: [
    { path: "spec.timeout", base: "1s", theirs: "500ms", yours: "200ms" },
    { path: "spec.retries", base: "1", yours: "2" }, // they took it away
  ],
  changes: [],
};

test("takes their values where both changed, and keeps the rest of the draft", () => {
  assert.equal(withTheirs(MERGE), "spec:\n  timeout: 500ms\n  mine: yes\n");
});

test("puts your values back where you chose them", () => {
  const merged = "spec:\n  timeout: 500ms\n  mine: yes\n  others: 1\n";
  const picks = new Map([
    ["spec.timeout", "yours"],
    ["spec.retries", "theirs"],
  ] as const);
  assert.equal(
    withPicks(merged, MERGE.conflicts, picks),
    "spec:\n  timeout: 200ms\n  mine: yes\n  others: 1\n",
  );
});

test("puts nothing together with a document that is gone", () => {
  assert.equal(withTheirs({ ...MERGE, conflicts: [{ path: "" }] }), undefined);
});
