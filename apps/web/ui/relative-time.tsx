"use client";
import { formatSince, formatStamp } from "../lib/times.ts";
import { useNowMs } from "./clock.ts";

/** "2 s ago" below one hour, then the clock time; the full stamp on hover. */
export function RelativeTime({ atMs }: { readonly atMs: number }) {
  const nowMs = useNowMs();
  return (
    <time dateTime={new Date(atMs).toISOString()} title={formatStamp(atMs)}>
      {nowMs === undefined ? formatStamp(atMs) : formatSince(atMs, nowMs)}
    </time>
  );
}
