import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Results } from "./results.ts";
import { pageSectionOf } from "./table.ts";

const PAGE = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));
const START = "<!-- table: npm run bench -- table -->";
const END = "<!-- end of table -->";

/** Writes the table into docs/benchmarks.md between its two markers, so that the page cannot drift. */
export function writePage(results: Results): void {
  const page = readFileSync(PAGE, "utf8");
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error(`${PAGE} has no "${START}" before "${END}"`);
  const section = `\n\n${pageSectionOf(results)}\n\n`;
  writeFileSync(PAGE, page.slice(0, start + START.length) + section + page.slice(end));
}
