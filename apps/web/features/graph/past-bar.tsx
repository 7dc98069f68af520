"use client";
import { Radio, Undo2 } from "lucide-react";
import { formatClock, formatSince, formatStamp } from "../../lib/times.ts";
import { Button, ButtonLink } from "../../ui/button.tsx";
import { useNowMs } from "../../ui/clock.ts";
import styles from "./past-bar.module.css";

/** Over a graph of the past, so that nobody takes it for now: which moment, back to live, and the mesh back to it. */
export function PastBar({ atMs, onLive }: { readonly atMs: number; readonly onLive: () => void }) {
  const nowMs = useNowMs() ?? atMs;
  return (
    <div className={styles.bar} role="status">
      <span className={styles.when} title={formatStamp(atMs)}>
        As of <b>{formatClock(atMs)}</b>, {formatSince(atMs, nowMs)}
      </span>
      <ButtonLink size="toolbar" href={`/history?at=${atMs}`} icon={<Undo2 size={14} />}>
        Restore the mesh to it
      </ButtonLink>
      <Button size="toolbar" kind="primary" icon={<Radio size={14} />} onClick={onLive}>
        Back to live
      </Button>
    </div>
  );
}
