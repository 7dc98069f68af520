import { UsageError } from "./errors.ts";

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * A moment in the past: `14:20` or `14:20:30` (the last such, in local time), `-10m` (s, m, h, d ago), or a date with
 * time (`2026-11-20T14:20Z`; without zone it is local). Throws `UsageError`.
 */
export function parseMoment(text: string, nowMs: number): number {
  const ago = /^-?(\d{1,6}(?:\.\d+)?)\s*([smhd])(?:in)?(?: ago)?$/.exec(text);
  if (ago) return nowMs - Number(ago[1]) * UNIT_MS[ago[2] as keyof typeof UNIT_MS];
  const clock = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text);
  if (clock) return lastClock(Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0), nowMs);
  const isDate = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text);
  const parsed = isDate ? Date.parse(text.replace(" ", "T")) : Number.NaN;
  if (Number.isNaN(parsed)) {
    throw new UsageError(
      `--at "${text}": expected 14:20, 2026-11-20T14:20Z, or -10m (s, m, h or d ago)`,
    );
  }
  if (parsed > nowMs) throw new UsageError(`--at "${text}" has not come yet`);
  return parsed;
}

function lastClock(hours: number, minutes: number, seconds: number, nowMs: number): number {
  const at = new Date(nowMs);
  at.setHours(hours, minutes, seconds, 0);
  if (at.getTime() > nowMs) at.setDate(at.getDate() - 1);
  return at.getTime();
}
