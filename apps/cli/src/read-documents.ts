import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { UsageError } from "./errors.ts";

/** The YAML of files, of the `.yaml` and `.yml` files of folders (by name), or of stdin (`-`), as one text. */
export async function readDocuments(sources: readonly string[]): Promise<string> {
  const texts: string[] = [];
  for (const source of sources) {
    if (source === "-") texts.push(await text(process.stdin));
    else texts.push(...filesOf(source).map(readFile));
  }
  if (texts.length === 0) throw new UsageError(`no .yaml file in ${sources.join(", ")}`);
  return texts.map((one) => (one.endsWith("\n") ? one : `${one}\n`)).join("---\n");
}

function filesOf(source: string): string[] {
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) throw new UsageError(`there is no file or folder ${source}`);
  if (!stat.isDirectory()) return [source];
  return readdirSync(source)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(source, name));
}

function readFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new UsageError(`cannot read ${file} (${(cause as NodeJS.ErrnoException).code})`);
  }
}
