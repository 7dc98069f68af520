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
  return (
    <Link
      href={`/history/${running.revisions.at(-1)}`}
      className={styles.pill}
      title={pushTitle(running)}
    >
      <StatusGlyph status="degraded" isBesideWord /> {running.first.length} of{" "}
      {running.proxiesConcerned} first
    </Link>
  );
}
