import type { Finding, FindingCounts } from "@heddle/contracts";

/** `file:line: CODE severity (Kind ns/name) why. What to do.`, and a last line with the counts. */
export function formatFindings(
  findings: readonly Finding[],
  about: {
    readonly counts: FindingCounts;
    readonly revision?: number;
    readonly documents?: number;
  },
): string {
  const { counts, revision, documents } = about;
  const against = revision === undefined ? "the files alone" : `the mesh at revision ${revision}`;
  const what =
    documents === undefined ? against : `${count(documents, "document")}, held against ${against}`;
  const total = counts.error + counts.warning + counts.info;
  const sum =
    total === 0
      ? `nothing found (${what})`
      : `${count(counts.error, "error")}, ${count(counts.warning, "warning")}, ${counts.info} info (${what})`;
  return [...findings.map(formatFinding), sum].join("\n");
}

/** Without a file, the place is left out. */
export function formatFinding(
  finding: Omit<Finding, "file"> & { readonly file?: string | undefined },
): string {
  const { file, line, code, severity, resource, why, whatToDo, fix } = finding;
  const place = [file, line].filter((part) => part !== undefined).join(":");
  const head = file === undefined ? "" : `${place}: `;
  const hint = fix === undefined ? "" : " (--fix does it)";
  return `${head}${code} ${severity} (${resource}) ${sentence(why)} ${whatToDo}${hint}.`;
}

function sentence(text: string): string {
  const started = /^[a-z]+( |,)/.test(text) ? `${text[0]?.toUpperCase()}${text.slice(1)}` : text;
  return /[.!?]$/.test(started) ? started : `${started}.`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
