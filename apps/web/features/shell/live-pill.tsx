"use client";
import { UNIT_SPACE } from "../../lib/numbers.ts";
import { formatClock, formatSince } from "../../lib/times.ts";
import { classNames } from "../../ui/class-names.ts";
import { useNowMs } from "../../ui/clock.ts";
import styles from "./live-pill.module.css";
import { type Live, type Past, useLive } from "./live-store.ts";

/** A stream that has been silent for this long is behind, even while its connection stands. */
const CATCHING_UP_AFTER_MS = 4000;

type Pill = {
  readonly word: string;
  readonly rest: string;
  readonly look: "live" | "stale" | "waiting" | "lost" | "past";
};

/** How old what one sees is. Says *Live*, *Catching up*, *Reconnecting, as of 14:31:50*, or which moment of the past. */
export function LivePill() {
  const live = useLive();
  const nowMs = useNowMs();
  if (live === undefined || nowMs === undefined) return null;
  const pill = pillOf(live, nowMs);
  return (
    <span className={classNames(styles.pill, styles[pill.look])} role="status">
      <span className={styles.dot} aria-hidden="true" />
      <b>{pill.word}</b>
      <span className={styles.rest}>{pill.rest}</span>
    </span>
  );
}

function pillOf(live: Live | Past, nowMs: number): Pill {
  if ("pastMs" in live) {
    const { pastMs } = live;
    return { word: formatClock(pastMs), rest: formatSince(pastMs, nowMs), look: "past" };
  }
  const { stream, isWaiting } = live;
  const { kind, asOfMs } = stream;
  const asOf = asOfMs === undefined ? "" : `as of ${formatClock(asOfMs)}`;
  if (kind === "reconnecting") return { word: "Reconnecting", rest: asOf, look: "lost" };
  if (kind === "connecting") return { word: "Connecting", rest: asOf, look: "stale" };
  if (isWaiting) return { word: "Waiting", rest: "for the first proxy", look: "waiting" };
  if (asOfMs === undefined) return { word: "Live", rest: "", look: "live" };
  const ageMs = Math.max(0, nowMs - asOfMs);
  if (ageMs > CATCHING_UP_AFTER_MS) return { word: "Catching up", rest: asOf, look: "stale" };
  return { word: "Live", rest: `${(ageMs / 1000).toFixed(1)}${UNIT_SPACE}s ago`, look: "live" };
}
