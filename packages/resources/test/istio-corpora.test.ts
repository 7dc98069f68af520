// Holds the config language against Istio's own validation cases, its samples and the examples of articles.
// They lie outside the project: in $HEDDLE_CORPORA or ../shared/corpora, and without them nothing runs.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { isMap, parseAllDocuments } from "yaml";
import { parseResources } from "../src/index.ts";

const projectRoot = resolve(import.meta.dirname, "../../..");
const corpora = process.env["HEDDLE_CORPORA"] ?? join(projectRoot, "../shared/corpora");

function filesOf(folder: string, ending = ".yaml"): string[] {
  const root = join(corpora, folder);
  if (!existsSync(root)) {
    test(`${folder} is not here`, { skip: `no ${root}; set HEDDLE_CORPORA` }, () => undefined);
    return [];
  }
  const names = readdirSync(root, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(ending)).sort();
}

function read(folder: string, name: string): string {
  return readFileSync(join(corpora, folder, name), "utf8");
}

/** Each document of a file by itself, with the words of Istio's message where it names them. */
function documentsOf(folder: string, name: string) {
  return parseAllDocuments(read(folder, name)).flatMap((document) => {
    if (!isMap(document.contents)) return [];
    const expected = document.get("_err");
    document.delete("_err");
    const title = String(document.getIn(["metadata", "name"]));
    return [
      {
        title,
        expected: typeof expected === "string" ? expected : undefined,
        text: document.toString(),
      },
    ];
  });
}

for (const name of filesOf("istio-validation", "-valid.yaml")) {
  documentsOf("istio-validation", name).forEach(({ title, text }, index) => {
    test(`accepts document ${index + 1} of Istio's ${name} (${title})`, () => {
      const outcome = parseResources(text);
      assert.ok(outcome.ok, JSON.stringify(outcome));
      assert.equal(outcome.resources.length, 1);
    });
  });
}

for (const name of filesOf("istio-validation", "-invalid.yaml")) {
  documentsOf("istio-validation", name).forEach(({ title, text, expected }, index) => {
    test(`refuses document ${index + 1} of Istio's ${name} (${title}): ${expected}`, () => {
      const outcome = parseResources(text);
      assert.ok(!outcome.ok, "was accepted");
      const said = outcome.faults.map(({ field, message }) => `${field}: ${message}`).join("\n");
      assert.ok(said.includes(expected ?? ""), `${said}\nsays nothing of: ${expected}`);
    });
  });
}

for (const folder of ["seed-examples", "istio-samples"]) {
  for (const name of filesOf(folder)) {
    test(`reads ${folder}/${name} with warnings at most`, () => {
      const outcome = parseResources(read(folder, name));
      assert.ok(outcome.ok, JSON.stringify(outcome, null, 1));
      for (const { resource, yaml } of outcome.resources) {
        const again = parseResources(yaml);
        assert.ok(again.ok);
        assert.deepEqual(again.resources, [{ resource, yaml }]); // what is kept means the same
      }
    });
  }
}
