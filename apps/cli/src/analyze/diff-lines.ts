/**
 * The lines that differ, `-` before those that go and `+` before those that come, with the line number of
 * each group. What is the same at both ends of the rest is left out; in between, equal lines are kept apart.
 */
export function diffLines(before: string, after: string): string {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  const out: string[] = [];
  let [left, right] = [0, 0];
  while (left < old.length || right < fresh.length) {
    if (left < old.length && old[left] === fresh[right]) {
      left += 1;
      right += 1;
      continue;
    }
    const [goes, comes] = nextMeeting(old, fresh, left, right);
    out.push(`@@ line ${left + 1} @@`);
    for (; left < goes; left++) out.push(`-${old[left]}`);
    for (; right < comes; right++) out.push(`+${fresh[right]}`);
  }
  return out.length === 0 ? "" : `${out.join("\n")}\n`;
}

/** Where the two are equal again, with the fewest lines in between; it looks 200 lines ahead. */
function nextMeeting(
  old: readonly string[],
  fresh: readonly string[],
  left: number,
  right: number,
): [number, number] {
  const ahead = Math.min(200, old.length - left + (fresh.length - right));
  for (let distance = 1; distance <= ahead; distance++) {
    for (let goes = 0; goes <= distance; goes++) {
      const [at, to] = [left + goes, right + distance - goes];
      if (at < old.length && to < fresh.length && old[at] === fresh[to]) return [at, to];
    }
  }
  return [old.length, fresh.length];
}
