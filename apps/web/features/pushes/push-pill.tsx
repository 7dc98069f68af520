"use client";

import Link from "next/link";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import styles from "../registry/hold-pill.module.css";
import { pushTitle } from "./push-words.ts";
import { isRunning, usePushes } from "./use-pushes.ts";

/** In the top bar of every page while a change is on some proxies only, so that nobody wonders why they differ. */
export function PushPill() {
  const running = usePushes().data?.pushes.find(isRunning);
  if (running === undefined) return null;
  const { first, proxiesConcerned, revisions } = running;
  return (
    <Link
      href={`/history/${revisions.at(-1)}`}
      className={styles.pill}
      title={pushTitle(running)}
      aria-label={`${first.length} of ${proxiesConcerned} first`}
    >
      <StatusGlyph status="degraded" isBesideWord />
      <span className={styles.wide}>
        {first.length} of {proxiesConcerned} first
      </span>
      <span className={styles.narrow}>
        {first.length}/{proxiesConcerned}
      </span>
    </Link>
  );
}
