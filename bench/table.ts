// Writes the table of bench/results/proxy.json into docs/benchmarks.md, between its two markers, so that
// the page cannot tell other figures than those measured. Run: npm run bench -- table [--check]

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readResults } from "./proxy/results.ts";
import { pageSectionOf } from "./proxy/table.ts";

const PAGE = fileURLToPath(new URL("../docs/benchmarks.md", import.meta.url));
const START = "<!-- table: npm run bench -- table -->";
const END = "<!-- end of table -->";

const page = readFileSync(PAGE, "utf8");
const start = page.indexOf(START);
const end = page.indexOf(END);
if (start < 0 || end < start) throw new Error(`${PAGE} has no "${START}" before "${END}"`);
const section = `\n\n${pageSectionOf(readResults())}\n\n`;
const written = page.slice(0, start + START.length) + section + page.slice(end);
if (!process.argv.includes("--check")) writeFileSync(PAGE, written);
else if (written !== page) {
  process.stderr.write("docs/benchmarks.md shows other figures than bench/results/proxy.json\n");
  process.exit(1);
}
