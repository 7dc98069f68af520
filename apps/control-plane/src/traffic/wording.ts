/** `250 ms`, `2 s`, `1.5 s`, `10 min`. */
export function inTime(ms: number): string {
  if (ms < 1000) return `${round(ms)} ms`;
  if (ms < 120_000) return `${round(ms / 1000)} s`;
  return ms < 7_200_000 ? `${round(ms / 60_000)} min` : `${round(ms / 3_600_000)} h`;
}

/** A share of 0–1 as `10 %`. */
export function inPercent(ratio: number): string {
  return `${round(ratio * 100)} %`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
