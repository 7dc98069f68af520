import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ApplyResponse, Problem } from "@heddle/contracts";
import { startDatabase } from "@heddle/testkit";
import { runControlPlane } from "./running-control-plane.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const corpora = process.env["HEDDLE_CORPORA"] ?? join(root, "../shared/corpora");

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

for (const corpus of ["istio-samples", "seed-examples"]) {
  const folder = join(corpora, corpus);
  const skip = existsSync(folder) ? false : `${folder} is not there`;
  test(`every file of ${corpus} is taken by a mesh that is empty`, { skip }, async (t) => {
    const plane = await runControlPlane(t, (await startDatabase(t)).url);
    const refused: string[] = [];
    for (const file of filesBelow(folder)) {
      const yaml = readFileSync(file, "utf8");
      const { status, body } = await plane.apply<ApplyResponse & Problem>(yaml);
      if (status !== 200) refused.push(`${file}: ${body.detail}`);
      const { body: all } = await plane.call<{ resources: object[] }>("GET", "/resources");
      if (all.resources.length > 0 && process.env["KEEP"] === undefined) {
        await plane.call("POST", "/revisions/1/restore", {});
      }
    }
    assert.deepEqual(refused, []);
  });
}
