/** How well `text` answers what was typed; lower is better, `undefined` is no match. */
export function matchRank(text: string, typed: string): number | undefined {
  const haystack = text.toLowerCase();
  const needle = typed.trim().toLowerCase();
  if (needle === "") return 0;
  if (haystack === needle) return 0;
  if (haystack.startsWith(needle)) return 1;
  if (haystack.includes(` ${needle}`)) return 2;
  if (haystack.includes(needle)) return 3;
  // "back pay" finds "Roll back payments": every word typed is somewhere in the text.
  return needle.split(/\s+/).every((word) => haystack.includes(word)) ? 4 : undefined;
}

/** The entries that match, best first; equal ones keep their order. */
export function rankEntries<Entry extends { readonly text: string; readonly scope: string }>(
  entries: readonly Entry[],
  typed: string,
): readonly Entry[] {
  return entries
    .flatMap((entry) => {
      const rank = matchRank(entry.text, typed) ?? matchRank(`${entry.text} ${entry.scope}`, typed);
      return rank === undefined ? [] : [{ entry, rank }];
    })
    .sort((a, b) => a.rank - b.rank)
    .map(({ entry }) => entry);
}
