import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { lineMarks } from "./line-marks.ts";

const marked = (before: readonly string[], draft: readonly string[]) => {
  const { marks, changes } = lineMarks(`${before.join("\n")}\n`, `${draft.join("\n")}\n`);
  return [Object.fromEntries(marks), changes];
};

test("marks a line that came, a line that changed, and where one went", () => {
  assert.deepEqual(marked(["a", "b", "c"], ["a", "b", "c"]), [{}, 0]);
  assert.deepEqual(marked(["a", "c"], ["a", "b", "c"]), [{ 2: "added" }, 1]);
  assert.deepEqual(marked(["a", "b", "c"], ["a", "x", "c"]), [{ 2: "changed" }, 1]);
  assert.deepEqual(marked(["a", "b", "c"], ["a", "c"]), [{ 2: "removed" }, 1]);
  assert.deepEqual(marked(["a", "b"], ["a"]), [{ 1: "removed" }, 1]);
});

test("counts runs of lines, not lines", () => {
  const before = ["hosts", "v1", "60", "v2", "30", "timeout"];
  const draft = ["hosts", "match", "when", "v1", "60", "v2", "20", "timeout"];
  assert.deepEqual(marked(before, draft), [{ 2: "added", 3: "added", 7: "changed" }, 2]);
});

test("marks nothing of a text that is the same, and all marks lie within the draft", () => {
  const lines = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 30 });
  fc.assert(
    fc.property(lines, lines, (before, draft) => {
      const { marks, changes } = lineMarks(before.join("\n"), draft.join("\n"));
      const count = draft.join("\n").replace(/\n$/, "").split("\n").length;
      for (const line of marks.keys()) assert.ok(line >= 1 && line <= count);
      assert.equal(changes === 0, before.join("\n") === draft.join("\n"));
      assert.ok(marks.size === 0 || changes > 0);
    }),
  );
});
