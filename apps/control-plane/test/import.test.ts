import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ApplyResponse, Problem, ResourcesResponse } from "@heddle/contracts";
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

  test(`the files of ${corpus} are taken one after another, and a past state comes back`, {
    skip,
  }, async (t) => {
    const plane = await runControlPlane(t, (await startDatabase(t)).url);
    const yamls = async () => {
      const { body } = await plane.call<ResourcesResponse>("GET", "/resources");
      return body.resources.map(({ yaml }) => yaml);
    };
    const refused: string[] = [];
    const states = new Map<number, string[]>();
    for (const file of filesBelow(folder)) {
      const { status, body } = await plane.apply<ApplyResponse & Problem>(
        readFileSync(file, "utf8"),
      );
      if (status !== 200) refused.push(`${file}: ${body.detail}`);
      else if (body.revision > 0) states.set(body.revision, await yamls());
    }
    assert.deepEqual(refused, []);
    for (const revision of [1, Math.ceil(states.size / 2), states.size]) {
      const path = `/revisions/${revision}/restore`;
      const { status, body } = await plane.call("POST", path, {});
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(await yamls(), states.get(revision));
    }
  });

  test(`${corpus} is taken as a whole, each document's last version holding`, {
    skip,
  }, async (t) => {
    const plane = await runControlPlane(t, (await startDatabase(t)).url);
    const yaml = filesBelow(folder)
      .map((file) => readFileSync(file, "utf8"))
      .join("\n---\n");
    const { status, body } = await plane.apply<ApplyResponse & Problem>(yaml, { twins: "last" });
    assert.equal(status, 200, JSON.stringify(body));
    t.diagnostic(`${body.changes.length} documents, ${body.warnings.length} warnings`);
  });
}
