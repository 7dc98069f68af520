import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDocument } from "yaml";
import { canonicalYaml } from "./canonical-yaml.ts";
import { editYaml } from "./edit-yaml.ts";

const canonical = (yaml: string) => canonicalYaml(parseDocument(yaml), "shop");

const BODY = "kind: Sidecar\napiVersion: v1\nmetadata: { name: x }\nspec: { weight: 1 }\n";
const written: Record<string, string> = {
  "no comment": BODY,
  "a comment above": `# why\n${BODY}`,
  "a comment and a blank line above": `# why\n\n${BODY}`,
  "a comment with blank lines after it": `# why\n\n\n---\n# more\n\n${BODY}`,
  "a comment after the document's start": `---\n# why\n${BODY}`,
  "two comments": `# one\n\n# two\n${BODY}`,
};
for (const [how, yaml] of Object.entries(written)) {
  test(`a document with ${how} prints the same when it is read again or edited`, () => {
    const once = canonical(yaml);
    assert.equal(canonical(once), once);
    const edited = canonical(editYaml(once, [{ path: ["spec", "weight"], value: 2 }]));
    assert.equal(edited, once.replace("weight: 1", "weight: 2"));
    assert.equal(once.includes("# why"), yaml.includes("# why"));
  });
}
