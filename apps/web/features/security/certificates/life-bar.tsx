import { formatStamp, formatTimeLeft } from "../../../lib/times.ts";
import styles from "./life-bar.module.css";

/** How much of a certificate's life is left, as a bar and in words; the word tells when the colour does. */
export function LifeBar({
  notBeforeMs,
  notAfterMs,
  nowMs,
  isOverdue = false,
}: {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly nowMs: number;
  /** It should have been renewed by now. */
  readonly isOverdue?: boolean;
}) {
  const left = lifeLeft(notBeforeMs, notAfterMs, nowMs);
  const tone = left <= 0 ? "bad" : isOverdue ? "warn" : "ok";
  return (
    <span className={styles.life} title={`Ends ${formatStamp(notAfterMs)}`}>
      <span className={styles.track} aria-hidden="true">
        <span className={styles.left} data-tone={tone} style={{ width: `${left * 100}%` }} />
      </span>
      <span className={styles.words} data-tone={tone}>
        {formatTimeLeft(notAfterMs, nowMs)}
        {tone === "warn" && ", renewal overdue"}
      </span>
    </span>
  );
}

/** Share of a life that is left, 0–1. */
export function lifeLeft(notBeforeMs: number, notAfterMs: number, nowMs: number): number {
  const share = (notAfterMs - nowMs) / Math.max(1, notAfterMs - notBeforeMs);
  return Math.min(Math.max(share, 0), 1);
}
