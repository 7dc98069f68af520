type Hunk = { readonly start: number; readonly end: number; readonly lines: readonly string[] };

/** Texts with more lines than these are not compared line by line. */
const MAX_LINES = 2000;

/**
 * Carries what was changed between `printed` and `edited`, two prints of one document by the same printer, over to
 * `original`, the text as somebody wrote it: all other lines stay as they are, comments and blanks too. `undefined`: the
 * changed lines cannot be found in it.
 */
export function keepLines(original: string, printed: string, edited: string): string | undefined {
  const [own, before, after] = [original, printed, edited].map((text) => text.split("\n"));
  if (!own || !before || !after) return undefined;
  if (Math.max(own.length, before.length, after.length) > MAX_LINES) return undefined;
  const places = alignLines(before.map(contentOf), own.map(contentOf));
  const lines = [...own];
  for (const { start, end, lines: inserted } of hunksOf(before, after).reverse()) {
    const isOnlyAdded = end === start;
    const from = isOnlyAdded ? placeAfter(places, start) : startIn(places, start);
    const to = isOnlyAdded ? from : endIn(places, end);
    if (from === undefined || to === undefined || to < from) return undefined;
    const near = isOnlyAdded ? start - 1 : start;
    const shift = indentOf(own[places[near] ?? -1]) - indentOf(before[near]);
    lines.splice(from, to - from, ...inserted.map((line) => indent(line, shift)));
  }
  return lines.join("\n");
}

/** A line without what a printer may lay out otherwise: blanks, quotes and a comment behind it. */
function contentOf(line: string): string {
  const bare = line.trim();
  if (bare.startsWith("#")) return bare;
  return bare
    .replace(/\s+#.*$/, "")
    .replaceAll(/["']/g, "")
    .replaceAll(/\s+/g, " ");
}

function indentOf(line = ""): number {
  return line.length - line.trimStart().length;
}

function indent(line: string, by: number): string {
  if (line.trim() === "") return line;
  return by < 0 ? line.slice(Math.min(-by, indentOf(line))) : `${" ".repeat(by)}${line}`;
}

function startIn(places: readonly (number | undefined)[], start: number): number | undefined {
  return places[start] ?? placeAfter(places, start);
}

/** Right behind the line before. */
function placeAfter(places: readonly (number | undefined)[], start: number): number | undefined {
  if (start === 0) return 0;
  const before = places[start - 1];
  return before === undefined ? undefined : before + 1;
}

function endIn(places: readonly (number | undefined)[], end: number): number | undefined {
  const last = places[end - 1];
  return last === undefined ? places[end] : last + 1;
}

function hunksOf(before: readonly string[], after: readonly string[]): Hunk[] {
  const places = alignLines(before, after);
  const hunks: Hunk[] = [];
  let taken = 0;
  for (let at = 0; at <= before.length; ) {
    let end = at;
    while (end < before.length && places[end] === undefined) end += 1;
    const next = end < before.length ? (places[end] ?? taken) : after.length;
    if (end > at || next > taken) hunks.push({ start: at, end, lines: after.slice(taken, next) });
    taken = next + 1;
    at = end + 1;
  }
  return hunks;
}

/** For each line of `one` its place in `other`, of a longest common sequence; `undefined`: it is not in that. */
function alignLines(one: readonly string[], other: readonly string[]): (number | undefined)[] {
  const width = other.length + 1;
  const longest = new Uint16Array((one.length + 1) * width);
  const at = (row: number, column: number) => longest[row * width + column] ?? 0;
  for (let row = one.length - 1; row >= 0; row--) {
    for (let column = other.length - 1; column >= 0; column--) {
      longest[row * width + column] =
        one[row] === other[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const places: (number | undefined)[] = [];
  let column = 0;
  for (let row = 0; row < one.length; row++) {
    let found: number | undefined;
    while (found === undefined && column < other.length && at(row + 1, column) < at(row, column)) {
      if (one[row] === other[column]) found = column;
      else if (at(row, column + 1) === at(row, column)) column += 1;
      else break;
    }
    places.push(found);
    if (found !== undefined) column = found + 1;
  }
  return places;
}
