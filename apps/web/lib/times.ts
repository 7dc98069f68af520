import { NO_DATA, UNIT_SPACE } from "./numbers.ts";

/** Times as the console writes them. All take epoch ms; the clock is 24 h, in UTC unless a zone is given. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `3.2 ms`, `38 ms`, `412 ms`, `1.24 s`, `12.4 s`, `5 min 38 s`, `2 h 5 min`; absent: `no data`. */
export function formatDuration(durationMs: number | undefined): string {
  if (durationMs === undefined) return NO_DATA;
  const size = Math.abs(durationMs);
  return `${durationMs < 0 ? "\u2212" : ""}${formatLength(size)}`;
}

function formatLength(ms: number): string {
  if (ms === 0) return unit("0", "ms");
  if (ms < 0.095) return `<${UNIT_SPACE}${unit("0.1", "ms")}`;
  if (ms < 9.95) return unit(ms.toFixed(1).replace(/\.0$/, ""), "ms");
  if (ms < 999.5) return unit(ms.toFixed(0), "ms");
  if (ms < 9995) return unit((ms / SECOND).toFixed(2), "s");
  if (ms < 59_950) return unit((ms / SECOND).toFixed(1), "s");
  return formatLongDuration(ms);
}

function formatLongDuration(ms: number): string {
  const seconds = Math.round(ms / SECOND);
  if (seconds < 3600) return joined(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(ms / MINUTE);
  if (minutes < 1440) return joined(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(ms / HOUR);
  return joined(Math.floor(hours / 24), "d", hours % 24, "h");
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  const first = unit(String(large), largeUnit);
  return small === 0 ? first : `${first} ${unit(String(small), smallUnit)}`;
}

/** The largest whole unit alone: `45 s`, `12 min`, `18 h`, `7 d`. For what is left of a certificate. */
export function formatRoughDuration(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < MINUTE) return unit(String(Math.floor(ms / SECOND)), "s");
  if (ms < HOUR) return unit(String(Math.floor(ms / MINUTE)), "min");
  if (ms < 2 * DAY) return unit(String(Math.floor(ms / HOUR)), "h");
  return unit(String(Math.floor(ms / DAY)), "d");
}

/** Time left until a moment: `18 h left`, or `ended 3 min ago`. */
export function formatTimeLeft(endMs: number, nowMs: number): string {
  return endMs > nowMs
    ? `${formatRoughDuration(endMs - nowMs)} left`
    : `ended ${formatRoughDuration(nowMs - endMs)} ago`;
}

/** `2 s ago` below one hour, then the clock time, and the date as soon as it is another day. */
export function formatSince(thenMs: number, nowMs: number, timeZone = "UTC"): string {
  const ageMs = nowMs - thenMs;
  if (ageMs < HOUR) return `${formatRoughDuration(ageMs)} ago`;
  if (isSameDay(thenMs, nowMs, timeZone)) return formatClock(thenMs, timeZone);
  return `${formatDay(thenMs, timeZone)}, ${formatClock(thenMs, timeZone)}`;
}

/** `14:32:07`. */
export function formatClock(timeMs: number, timeZone = "UTC"): string {
  return partsFormat("clock", timeZone).format(timeMs);
}

/** `14:32`. */
export function formatMinute(timeMs: number, timeZone = "UTC"): string {
  return formatClock(timeMs, timeZone).slice(0, 5);
}

/** `20 Nov 2026, 14:32:07 UTC`: the full stamp, for tooltips. */
export function formatStamp(timeMs: number, timeZone = "UTC"): string {
  return `${partsFormat("date", timeZone).format(timeMs)}, ${formatClock(timeMs, timeZone)} ${timeZone}`;
}

/** `20 Nov`. */
export function formatDay(timeMs: number, timeZone = "UTC"): string {
  return partsFormat("day", timeZone).format(timeMs);
}

/** `Today`, `Yesterday`, `20 Nov`. */
export function formatDayName(timeMs: number, nowMs: number, timeZone = "UTC"): string {
  if (isSameDay(timeMs, nowMs, timeZone)) return "Today";
  if (isSameDay(timeMs, nowMs - DAY, timeZone)) return "Yesterday";
  return formatDay(timeMs, timeZone);
}

/** `30 s`, `5 min`, `24 h`, `7 d`: a window as it is written beside a figure. */
export function formatWindow(windowMs: number): string {
  if (windowMs < MINUTE) return unit(String(windowMs / SECOND), "s");
  if (windowMs < HOUR) return unit(String(windowMs / MINUTE), "min");
  if (windowMs < 2 * DAY) return unit(String(windowMs / HOUR), "h");
  return unit(String(windowMs / DAY), "d");
}

export function isSameDay(aMs: number, bMs: number, timeZone = "UTC"): boolean {
  const format = partsFormat("date", timeZone);
  return format.format(aMs) === format.format(bMs);
}

const shapes = {
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  date: { day: "numeric", month: "short", year: "numeric" },
  day: { day: "numeric", month: "short" },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;
const formats = new Map<string, Intl.DateTimeFormat>(); // making one costs about 50 µs

function partsFormat(shape: keyof typeof shapes, timeZone: string): Intl.DateTimeFormat {
  const key = `${shape} ${timeZone}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", { ...shapes[shape], timeZone });
    formats.set(key, format);
  }
  return format;
}

function unit(number: string, name: string): string {
  return `${number}${UNIT_SPACE}${name}`;
}
