// Writes docs/findings.md from the codes that analysis can give, so that the page has a row for each and no other.
// `--check` only says whether it is up to date.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listCodes } from "@heddle/resources";

const PAGE = join(import.meta.dirname, "../docs/findings.md");
const INTRODUCTION = join(import.meta.dirname, "findings-introduction.md");

const cell = (text: string) => text.replaceAll("|", "\\|");

function sectionOf(title: string, prefix: string): string[] {
  const rows = listCodes()
    .filter(({ code }) => code.startsWith(prefix))
    .map(({ code, name, severity, says, todo }) => {
      // The anchor is what links and messages lead to: docs/findings.md#ist0101.
      const anchor = `<a id="${code.toLowerCase()}"></a>${code}`;
      return `| ${anchor} | ${name} | ${severity} | ${cell(says)} | ${cell(todo)}. |`;
    });
  return [
    `## ${title}`,
    "",
    "| code | name | severity | what it says | what to do |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ];
}

function writePage(): string {
  return [
    readFileSync(INTRODUCTION, "utf8").trimEnd(),
    "",
    ...sectionOf("Heddle's own", "HDL"),
    ...sectionOf("Istio's", "IST"),
  ].join("\n");
}

/** Whether docs/findings.md is what it would be if it were written now. */
export function isPageCurrent(): boolean {
  return readFileSync(PAGE, "utf8") === writePage();
}

if (import.meta.main) {
  if (!process.argv.includes("--check")) writeFileSync(PAGE, writePage());
  process.stdout.write(`${listCodes().length} codes\n`);
  process.exitCode = isPageCurrent() ? 0 : 1;
}
