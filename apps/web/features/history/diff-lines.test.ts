import assert from "node:assert/strict";
import { test } from "node:test";
import { changedLines, parseDiff, splitRows } from "./diff-lines.ts";

const diff = `@@ -18,5 +18,5 @@
   - route:
-    - weight: 95
+    - weight: 90
-    - weight: 5
+    - weight: 10
   timeout: 2s
@@ -40,1 +40,2 @@
 # end
+more: true
`;

test("numbers lines before and after, hunk by hunk", () => {
  const lines = parseDiff(diff);
  assert.deepEqual(lines[0], { kind: "same", before: 18, after: 18, text: "  - route:" });
  assert.deepEqual(lines[1], { kind: "removed", before: 19, text: "    - weight: 95" });
  assert.deepEqual(lines[2], { kind: "added", after: 19, text: "    - weight: 90" });
  assert.deepEqual(lines[4], { kind: "added", after: 20, text: "    - weight: 10" });
  assert.deepEqual(lines[6], { kind: "gap" });
  assert.deepEqual(lines.at(-1), { kind: "added", after: 41, text: "more: true" });
  assert.equal(changedLines(lines), 3);
});

test("numbers a created document from line 1", () => {
  assert.deepEqual(parseDiff("@@ -0,0 +1,1 @@\n+kind: PeerAuthentication\n"), [
    { kind: "added", after: 1, text: "kind: PeerAuthentication" },
  ]);
  assert.deepEqual(parseDiff(""), []);
});

test("sets what was removed beside what came in its place", () => {
  const rows = splitRows(parseDiff(diff));
  assert.equal(rows.length, 7);
  assert.equal(rows[1]?.left?.kind, "removed");
  assert.equal(rows[1]?.right?.kind, "added");
  assert.equal(rows[6]?.left, undefined);
});
