/** What became of a line of the draft; `removed`: lines that stood before it are gone. */
export type LineMark = "added" | "changed" | "removed";

export interface LineMarks {
  /** By line of the draft, from 1. */
  readonly marks: ReadonlyMap<number, LineMark>;
  /** Runs of lines that differ. */
  readonly changes: number;
}

/** Beyond this many compared pairs the middle counts as changed as a whole: about 60 ms. */
const MOST_PAIRS = 4_000_000;

/** Which lines of a draft differ from what it began with. */
export function lineMarks(before: string, draft: string): LineMarks {
  const a = before.replace(/\n$/, "").split("\n");
  const b = draft.replace(/\n$/, "").split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (
    end < a.length - start &&
    end < b.length - start &&
    a[a.length - 1 - end] === b[b.length - 1 - end]
  ) {
    end += 1;
  }
  const old = a.slice(start, a.length - end);
  const fresh = b.slice(start, b.length - end);
  const kept = old.length * fresh.length > MOST_PAIRS ? [] : commonLines(old, fresh);
  const marks = new Map<number, LineMark>();
  let changes = 0;
  let oldAt = 0;
  let freshAt = 0;
  for (const [oldKept, freshKept] of [...kept, [old.length, fresh.length] as const]) {
    const gone = oldKept - oldAt;
    const come = freshKept - freshAt;
    if (gone > 0 || come > 0) changes += 1;
    for (let index = 0; index < come; index += 1) {
      marks.set(start + freshAt + index + 1, index < gone ? "changed" : "added");
    }
    if (gone > 0 && come === 0) {
      marks.set(Math.min(start + freshKept + 1, b.length), "removed");
    }
    oldAt = oldKept + 1;
    freshAt = freshKept + 1;
  }
  return { marks, changes };
}

/** The pairs of equal lines of a longest common sequence, in order. */
function commonLines(a: readonly string[], b: readonly string[]): (readonly [number, number])[] {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[i] === b[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
    }
  }
  const pairs: (readonly [number, number])[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if ((lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0)) i += 1;
    else j += 1;
  }
  return pairs;
}
