/** One line of a unified diff with its numbers before and after. */
export type DiffLine =
  | {
      readonly kind: "same";
      readonly before: number;
      readonly after: number;
      readonly text: string;
    }
  | { readonly kind: "removed"; readonly before: number; readonly text: string }
  | { readonly kind: "added"; readonly after: number; readonly text: string }
  | { readonly kind: "gap" };

/** A row of the split view: what stood there and what stands there now. */
export interface SplitRow {
  readonly left: DiffLine | undefined;
  readonly right: DiffLine | undefined;
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/** Reads a unified diff without file header (`ResourceChange.diff`). A `gap` stands between two hunks. */
export function parseDiff(diff: string): DiffLine[] {
  const lines: DiffLine[] = [];
  let before = 1;
  let after = 1;
  for (const line of diff.replace(/\n$/, "").split("\n")) {
    const hunk = HUNK.exec(line);
    if (hunk !== null) {
      if (lines.length > 0) lines.push({ kind: "gap" });
      before = Math.max(1, Number(hunk[1]));
      after = Math.max(1, Number(hunk[2]));
    } else if (line.startsWith("-")) {
      lines.push({ kind: "removed", before: before++, text: line.slice(1) });
    } else if (line.startsWith("+")) {
      lines.push({ kind: "added", after: after++, text: line.slice(1) });
    } else if (line.startsWith(" ") || line === "") {
      lines.push({ kind: "same", before: before++, after: after++, text: line.slice(1) });
    }
  }
  return line0(lines);
}

/** How many lines a diff changes. A changed line counts once. */
export function changedLines(lines: readonly DiffLine[]): number {
  const removed = lines.filter((line) => line.kind === "removed").length;
  const added = lines.filter((line) => line.kind === "added").length;
  return Math.max(removed, added);
}

/** Pairs each run of removed lines with the added ones that follow it. */
export function splitRows(lines: readonly DiffLine[]): SplitRow[] {
  const rows: SplitRow[] = [];
  let removed: DiffLine[] = [];
  let added: DiffLine[] = [];
  const flush = (): void => {
    for (let index = 0; index < Math.max(removed.length, added.length); index += 1) {
      rows.push({ left: removed[index], right: added[index] });
    }
    removed = [];
    added = [];
  };
  for (const line of lines) {
    if (line.kind === "removed") {
      if (added.length > 0) flush();
      removed.push(line);
    } else if (line.kind === "added") {
      added.push(line);
    } else {
      flush();
      rows.push({ left: line, right: line });
    }
  }
  flush();
  return rows;
}

/** A diff of nothing is one empty line: no line at all. */
function line0(lines: DiffLine[]): DiffLine[] {
  const [only] = lines;
  return lines.length === 1 && only?.kind === "same" && only.text === "" ? [] : lines;
}
