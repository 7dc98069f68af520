import assert from "node:assert/strict";
import { test } from "node:test";
import { parseResources } from "@heddle/resources";
import { document } from "../snapshot/test-documents.ts";
import { Breather } from "./breather.ts";
import { parseInTurns } from "./parse-in-turns.ts";

const one = document("DestinationRule", "a", "shop", "{host: a}");
const two = document("DestinationRule", "b", "shop", "{host: b}");
const broken = document("DestinationRule", "c", "shop", "{hots: c}");
const texts: Record<string, string> = {
  "two documents": `${one}\n---\n${two}\n`,
  "a marker first, a comment and an empty document": `---\n# first\n${one}\n---\n---\n${two}`,
  "a fault in the second": `${one}\n---\n${broken}\n`,
  "one document twice": `${one}\n---\n${one}\n`,
  "a text that is no YAML": "a: [",
  "a marker within a line": `${one.replace("name: a", "name: a # --- no")}\n---\n${two}`,
  nothing: "",
};
for (const [what, text] of Object.entries(texts)) {
  test(`reads ${what} as all at once is read`, async () => {
    const whole = parseResources(text);
    const { resources, faults } = await parseInTurns(text, "refuse", new Breather());
    if (whole.ok) assert.deepEqual([resources, faults], [whole.resources, []]);
    else assert.deepEqual(faults, whole.faults);
  });
}
