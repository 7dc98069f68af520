// Loads Heddle's own TypeScript without its types from a folder of stripped sources, each written by the first
// process that needs it. `node --import` takes it before a proxy's program, which saves memory in every sidecar
// (decision 149): Node's own cache keeps what it has read, sources and code, in memory for as long as the process
// lives, and its type stripper holds 20 MiB once it has been loaded. It is no TypeScript, or it would need that itself.
import { hash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);
const cache = new URL("node_modules/.cache/heddle-stripped/", root);
/** The names of zod's messages in all languages but English: a MiB nobody reads. */
const ZOD_LANGUAGES = /\/node_modules\/zod\/v4\/locales\/index\.js$/;

registerHooks({
  load(url, context, nextLoad) {
    if (ZOD_LANGUAGES.test(url)) return { format: "module", source: "", shortCircuit: true };
    const isOurs = url.startsWith(root.href) && url.endsWith(".ts");
    if (!isOurs) return nextLoad(url, context);
    return { format: "module", source: stripped(url), shortCircuit: true };
  },
});

/** Of the source at `url`, with every line and column where it was. */
function stripped(url) {
  const source = readFileSync(fileURLToPath(url), "utf8");
  // As the last line, so that the others keep their numbers.
  const mark = `\n//${hash("sha1", process.version + source)}\n`;
  const file = new URL(`${hash("sha1", url.slice(root.href.length))}.js`, cache);
  const kept = read(file);
  if (kept?.endsWith(mark)) return kept;
  const text = stripTypeScriptTypes(source) + mark;
  keep(file, text);
  return text;
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whole or not at all, whoever else writes it; where nothing can be written each start does the work again. */
function keep(file, text) {
  const unfinished = new URL(`${file.href}.${process.pid}`);
  try {
    mkdirSync(cache, { recursive: true });
    writeFileSync(unfinished, text);
    renameSync(unfinished, file);
  } catch (error) {
    if (!["EACCES", "EROFS", "ENOSPC", "EPERM"].includes(error.code)) throw error;
  }
}
