import type { DocumentMerge } from "@heddle/contracts";

/** What a stale apply met, and what to do about it. */
export function mergeWords(merges: readonly DocumentMerge[]): string {
  const isMergeable = merges.every(({ merged }) => merged !== undefined);
  return [
    ...merges.map(oneMerge),
    isMergeable
      ? "The changes do not touch the same places: apply again with --merge to join them."
      : "Take the document as it is now (heddle get KIND NAME -o yaml), make your change in it, and apply that.",
  ].join("\n");
}

function oneMerge(merge: DocumentMerge): string {
  const { kind, namespace, name, baseRevision, theirsRevision, changes, conflicts } = merge;
  const now =
    theirsRevision === 0 ? "it is deleted now" : `it is at revision ${theirsRevision} now`;
  return [
    `${kind} ${namespace}/${name}: you started from revision ${baseRevision}, ${now}`,
    ...changes.map(({ revision, author, createdAtMs, summary, reason }) => {
      const why = reason === undefined ? "" : ` (${reason})`;
      return `  ${revision} by ${author}, ${new Date(createdAtMs).toISOString()}: ${summary}${why}`;
    }),
    ...conflicts.flatMap(({ path, base, theirs, yours }) => [
      `  both changed ${path || "the document as a whole"}:`,
      ...sideWords("before", base),
      ...sideWords("theirs", theirs),
      ...sideWords("yours", yours),
    ]),
  ].join("\n");
}

function sideWords(side: string, text: string | undefined): string[] {
  if (text === undefined) return [`    ${side}: not there`];
  const lines = text.split("\n");
  if (lines.length === 1) return [`    ${side}: ${text}`];
  return [`    ${side}:`, ...lines.map((line) => `      ${line}`)];
}
