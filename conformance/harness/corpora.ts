import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const corpora = process.env["HEDDLE_CORPORA"] ?? join(root, "../shared/corpora");

/**
 * The YAML files of a folder of test material from outside, by their path in it, sorted. `undefined`: it is
 * not on this machine; it is looked for in $HEDDLE_CORPORA or beside the project.
 */
export function readCorpus(folder: string): ReadonlyMap<string, string> | undefined {
  const from = join(corpora, folder);
  if (!existsSync(from)) return undefined;
  const names = readdirSync(from, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.ya?ml$/.test(name))
    .sort();
  return new Map(names.map((name) => [name, readFileSync(join(from, name), "utf8")]));
}
