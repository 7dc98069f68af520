import assert from "node:assert/strict";
import { test } from "node:test";
import { filesOfText } from "./files-of-text.ts";

const text = "a: 1\na: 2\n---\nb: 1\n";
const cases: Record<string, readonly [Parameters<typeof filesOfText>[1], unknown]> = {
  "as one part where nobody says of which files it was made": [undefined, [{ name: "text", text }]],
  "into its files, each from its first line on": [
    [
      { name: "a.yaml", line: 1 },
      { name: "b.yaml", line: 4 },
    ],
    [
      { name: "a.yaml", text: "a: 1\na: 2\n---" },
      { name: "b.yaml", text: "b: 1\n" },
    ],
  ],
  "without throwing for lines it does not have, or in another order": [
    [
      { name: "z.yaml", line: 90 },
      { name: "a.yaml", line: 2 },
    ],
    [
      { name: "z.yaml", text: "" },
      { name: "a.yaml", text: "a: 2\n---\nb: 1\n" },
    ],
  ],
};
for (const [what, [starts, parts]] of Object.entries(cases)) {
  test(`takes a text apart ${what}`, () => {
    assert.deepEqual(filesOfText(text, starts), parts);
  });
}
