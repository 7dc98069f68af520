import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { UsageError } from "./errors.ts";

/** The YAML of files, of the `.yaml` and `.yml` files in and below folders (by name), or of stdin (`-`), as one text. */
export async function readDocuments(sources: readonly string[]): Promise<string> {
  return joinDocuments(await readFiles(sources));
}

/** Files as one text of many documents. */
export function joinDocuments(files: readonly { readonly text: string }[]): string {
  return files.map(({ text: one }) => (one.endsWith("\n") ? one : `${one}\n`)).join("---\n");
}

/** Files as one text, with the line at which each begins in it. */
export function joinFiles(files: readonly { readonly name: string; readonly text: string }[]): {
  readonly yaml: string;
  readonly files: { readonly name: string; readonly line: number }[];
} {
  const yaml = joinDocuments(files);
  let line = 1;
  const starts = files.map(({ name, text: one }) => {
    const start = { name, line };
    const newlines = one.split("\n").length - 1;
    line += newlines + (one.endsWith("\n") ? 1 : 2); // and the marker between two
    return start;
  });
  return { yaml, files: starts };
}

/** Documents as a request takes them: one text, where each file begins in it, and what repeated ones mean. */
export type DocumentsToSend = ReturnType<typeof joinFiles> & { readonly twins?: "last" };

export async function readToSend(sources: readonly string[]): Promise<DocumentsToSend> {
  const joined = joinFiles(await readFiles(sources));
  // as if the files were applied one after another, though in one revision
  return areManyFiles(sources) ? { ...joined, twins: "last" } : joined;
}

/** The same files, each by its name (`stdin` for `-`). */
export async function readFiles(
  sources: readonly string[],
): Promise<{ readonly name: string; readonly text: string }[]> {
  const files: { name: string; text: string }[] = [];
  for (const source of sources) {
    if (source === "-") files.push({ name: "stdin", text: await text(process.stdin) });
    else files.push(...filesOf(source).map((name) => ({ name, text: readFile(name) })));
  }
  if (files.length === 0) throw new UsageError(`no .yaml file in ${sources.join(", ")}`);
  return files;
}

/** Whether more than one file is meant, so that one may repeat what another says. */
function areManyFiles(sources: readonly string[]): boolean {
  return sources.filter((source) => source !== "-").flatMap(filesOf).length > 1;
}

function filesOf(source: string): string[] {
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) throw new UsageError(`there is no file or folder ${source}`);
  if (!stat.isDirectory()) return [source];
  return readdirSync(source, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function readFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new UsageError(`cannot read ${file} (${(cause as NodeJS.ErrnoException).code})`);
  }
}
