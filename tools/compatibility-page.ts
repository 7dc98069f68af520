// Writes docs/compatibility.md from the schemas (what becomes of each field) and the conformance cases (what
// proves it), so that the page cannot say more than is tested. `--check` only says whether it is up to date.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CompatibilityEntry, listCompatibility, listKinds } from "@heddle/resources";
import { CASES } from "../conformance/cases/index.ts";
import { titleOf } from "../conformance/harness/conformance-case.ts";

const PAGE = join(import.meta.dirname, "../docs/compatibility.md");
const INTRODUCTION = join(import.meta.dirname, "compatibility-introduction.md");

/** The cases of each field, by `Kind spec.field`. */
type Proofs = ReadonlyMap<string, readonly string[]>;

function collectProofs(): Proofs {
  const proofs = new Map<string, string[]>();
  for (const one of CASES) {
    for (const field of one.fields) proofs.set(field, [...(proofs.get(field) ?? []), one.title]);
  }
  return proofs;
}

const keyOf = ({ kind, field }: CompatibilityEntry) => `${kind} ${field}`;

/** Whether a case names the field, or one below it: a block is proven by what stands in it. */
function isProven(entry: CompatibilityEntry, proofs: Proofs): boolean {
  const key = keyOf(entry);
  return [...proofs.keys()].some(
    (proven) => proven === key || proven.startsWith(`${key}.`) || proven.startsWith(`${key}[]`),
  );
}

/** What the page would claim without proof, and what cases name that does not exist. */
export function findGaps(): { unproven: string[]; unknown: string[]; twins: string[] } {
  const entries = listCompatibility();
  const proofs = collectProofs();
  const known = new Set(entries.map(keyOf));
  const titles = CASES.map(titleOf);
  return {
    unproven: entries
      .filter(({ status }) => status === "supported" || status === "differs")
      .filter((entry) => !isProven(entry, proofs))
      .map(keyOf),
    unknown: [...proofs.keys()].filter((field) => !known.has(field)),
    twins: titles.filter((title, index) => titles.indexOf(title) !== index),
  };
}

const WORDS: Readonly<Record<CompatibilityEntry["status"], string>> = {
  supported: "served",
  differs: "differs",
  "accepted-without-effect": "no effect",
  refused: "refused",
};

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function rowOf(entry: CompatibilityEntry, proofs: Proofs): string {
  const titles = proofs.get(keyOf(entry)) ?? [];
  const below = titles.length === 0 && entry.status === "supported" ? "by its fields below" : "";
  const told = [entry.note, ...titles.map((title) => `*${title}*`)].filter(Boolean).join("<br>");
  return `| \`${cell(entry.field.replace(/^spec\./, ""))}\` | ${WORDS[entry.status]} | ${cell(told || below)} |`;
}

function sectionOf(kind: string, apiVersions: readonly string[], proofs: Proofs): string[] {
  const entries = listCompatibility().filter((entry) => entry.kind === kind);
  const counts = Object.entries(WORDS).flatMap(([status, word]) => {
    const count = entries.filter((entry) => entry.status === status).length;
    return count === 0 ? [] : [`${count} ${word}`];
  });
  return [
    `## ${kind}`,
    "",
    `\`${apiVersions.join("`, `")}\`. Fields: ${counts.join(", ")}.`,
    "",
    "| field of `spec` | status | why, or the tests that show it |",
    "| --- | --- | --- |",
    ...entries.map((entry) => rowOf(entry, proofs)),
    "",
  ];
}

function writePage(): string {
  const proofs = collectProofs();
  return [
    readFileSync(INTRODUCTION, "utf8").trimEnd(),
    "",
    ...listKinds().flatMap(({ kind, apiVersions }) => sectionOf(kind, apiVersions, proofs)),
  ].join("\n");
}

/** Whether docs/compatibility.md is what it would be if it were written now. */
export function isPageCurrent(): boolean {
  return readFileSync(PAGE, "utf8") === writePage();
}

if (import.meta.main) {
  if (!process.argv.includes("--check")) writeFileSync(PAGE, writePage());
  const gaps = findGaps();
  process.stdout.write(`${CASES.length} cases; without proof: ${gaps.unproven.length}\n`);
  for (const field of [...gaps.unproven, ...gaps.unknown]) process.stdout.write(`  ${field}\n`);
  process.exitCode = isPageCurrent() ? 0 : 1;
}
