/**
 * Numbers as the console writes them: at most three digits that mean something, the unit behind a
 * no-break space, never a false 0 or 100, and `undefined` said in words.
 */

/** U+00A0, between a number and its unit, so that no line breaks there. The narrow one (U+202F) of Inter is 2 px: `30s`. */
export const UNIT_SPACE = "\u00a0";
/** What stands where there is no figure. */
export const NO_DATA = "no data";

const counts = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** `0.6`, `42.1`, `214`, `1.3k`, `24k`: the bare number. Below 1 two digits after the point at most. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  const sign = value < 0 ? "\u2212" : "";
  return sign + formatSize(size);
}

function formatSize(size: number): string {
  if (size === 0) return "0";
  if (size < 0.01) return `<${UNIT_SPACE}0.01`;
  if (size < 0.095) return size.toFixed(2);
  if (size < 99.95) return size.toFixed(1);
  if (size < 999.5) return size.toFixed(0);
  for (const [unit, name] of [
    [1e3, "k"],
    [1e6, "M"],
    [1e9, "G"],
  ] as const) {
    const scaled = size / unit;
    if (scaled < 9.95) return `${scaled.toFixed(1)}${name}`;
    if (scaled < 999.5) return `${scaled.toFixed(0)}${name}`;
  }
  return `${(size / 1e12).toFixed(1)}T`;
}

/** `42.1 rps`; absent: `no data`. */
export function formatRate(perSecond: number | undefined): string {
  return perSecond === undefined ? NO_DATA : `${formatNumber(perSecond)}${UNIT_SPACE}rps`;
}

/**
 * A ratio of 0–1 as percent without its sign: one decimal below 10 and above 95, none between,
 * `< 0.1` and `> 99.9` where rounding would claim 0 or 100.
 */
export function formatPercentNumber(ratio: number): string {
  const percent = ratio * 100;
  if (percent <= 0) return "0";
  if (percent >= 100) return "100";
  if (percent < 0.1) return `<${UNIT_SPACE}0.1`;
  if (percent > 99.9) return `>${UNIT_SPACE}99.9`;
  const isWhole = Math.abs(percent - Math.round(percent)) < 1e-9; // as configured shares are
  if (!isWhole && (percent < 9.95 || percent >= 94.95)) return percent.toFixed(1);
  return percent.toFixed(0);
}

/** `8.7 %`, `12 %`, `< 0.1 %`; absent: `no data`. */
export function formatShare(ratio: number | undefined): string {
  return ratio === undefined ? NO_DATA : `${formatPercentNumber(ratio)}${UNIT_SPACE}%`;
}

/** `51,840`. */
export function formatCount(count: number): string {
  return counts.format(count).replace("-", "\u2212");
}

/** `1 request`, `3 requests`. */
export function formatCounted(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)}${UNIT_SPACE}${count === 1 ? noun : plural}`;
}

/** `640 KB/s`, `2.1 MB/s` (decimal); absent: `no data`. */
export function formatBytesPerSecond(bytes: number | undefined): string {
  if (bytes === undefined) return NO_DATA;
  if (bytes < 999.5) return `${bytes.toFixed(0)}${UNIT_SPACE}B/s`;
  const [scaled, unit] =
    bytes < 999_500
      ? [bytes / 1e3, "KB/s"]
      : bytes < 999.5e6
        ? [bytes / 1e6, "MB/s"]
        : [bytes / 1e9, "GB/s"];
  return `${scaled < 9.95 ? scaled.toFixed(1) : scaled.toFixed(0)}${UNIT_SPACE}${unit}`;
}
