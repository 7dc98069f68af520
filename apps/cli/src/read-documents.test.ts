import assert from "node:assert/strict";
import { test } from "node:test";
import { joinFiles } from "./read-documents.ts";

test("joins files into one text and says at which line of it each begins", () => {
  const { yaml, files } = joinFiles([
    { name: "a.yaml", text: "a: 1\na2: 1\n" },
    { name: "b.yaml", text: "b: 1" },
    { name: "c.yaml", text: "\nc: 1\n" },
  ]);
  const lines = yaml.split("\n");
  assert.deepEqual(
    files.map(({ name, line }) => [name, lines[line - 1]]),
    [
      ["a.yaml", "a: 1"],
      ["b.yaml", "b: 1"],
      ["c.yaml", ""],
    ],
  );
});
