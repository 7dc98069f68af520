import { InvalidArgumentError } from "commander";

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90s`, `5m`, `24h`, `7d` in ms. */
export function parseWindowMs(text: string): number {
  const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (number === undefined || unit === undefined || Number(number) === 0) {
    throw new InvalidArgumentError("expected a time such as 90s, 5m or 24h");
  }
  return Number(number) * UNITS_MS[unit as keyof typeof UNITS_MS];
}
