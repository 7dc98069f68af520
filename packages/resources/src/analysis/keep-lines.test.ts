import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { keepLines } from "./keep-lines.ts";

const lines = fc.array(fc.constantFrom("a", "b", "c", "d: 1", "e"), { maxLength: 12 });

test("an original that is the print itself becomes the edited print", () => {
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const [printed, edited] = [before.join("\n"), after.join("\n")];
      assert.equal(keepLines(printed, printed, edited), edited);
    }),
  );
});

test("comments and blanks between the lines of a print stay where they are", () => {
  const original = "a: 1 \n\n  # first\nb: 2\n# last\nc: 3\n";
  assert.equal(
    keepLines(original, "a: 1\nb: 2\nc: 3\n", "a: 1\nb: 4\nx: 5\nc: 3\n"),
    "a: 1 \n\n  # first\nb: 4\nx: 5\n# last\nc: 3\n",
  );
  assert.equal(
    keepLines(original, "a: 1\nb: 2\nc: 3\n", "a: 1\nc: 3\n"),
    "a: 1 \n\n  # first\n# last\nc: 3\n",
  );
});

test("a line that is laid out otherwise than the print is not guessed at", () => {
  assert.equal(keepLines("{a: 1, b: 2}\n", "a: 1\nb: 2\n", "a: 1\nb: 3\n"), undefined);
});
