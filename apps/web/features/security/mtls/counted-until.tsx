import { Clock } from "lucide-react";
import { formatClock } from "../../../lib/times.ts";
import styles from "./counted-until.module.css";

/** Collectors write every second or two; a count older than this is no news. */
const FRESH_MS = 30_000;

/** Says that figures are of a while ago; nothing while they are fresh. */
export function CountedUntil({
  countedUntilMs,
  nowMs,
}: {
  readonly countedUntilMs: number | undefined;
  readonly nowMs: number;
}) {
  if (countedUntilMs === undefined || nowMs - countedUntilMs < FRESH_MS) return null;
  return (
    <span className={styles.stale} role="status">
      <Clock size={13} aria-hidden="true" /> as of {formatClock(countedUntilMs)}
    </span>
  );
}
