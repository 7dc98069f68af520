"use client";

import Link from "next/link";
import { useNowMs } from "../../ui/clock.ts";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { PushActs } from "./push-acts.tsx";
import { failedWords, pushTitle, watchWords } from "./push-words.ts";
import styles from "./pushes.module.css";
import { isRunning, usePushes } from "./use-pushes.ts";

/** While a risky change is on its first proxies: how it stands beside the others, and the two ways out. */
export function PushStrip() {
  const running = usePushes().data?.pushes.find(isRunning);
  const nowMs = useNowMs() ?? 0;
  if (running === undefined) return null;
  const { counts, why, revisions } = running;
  return (
    <section className={styles.strip} aria-label="Canaried push">
      <StatusGlyph status="degraded" sizePx={18} isBesideWord />
      <div className={styles.words}>
        <p className={styles.head}>{pushTitle(running)}</p>
        <p className={styles.detail}>
          {why} {watchWords(running, nowMs)}{" "}
          <Link href={`/history/${revisions[0]}`}>What it changes</Link>
        </p>
        <p className={styles.detail}>
          Failed there: {failedWords(counts.first)}; at the others: {failedWords(counts.others)}.
        </p>
      </div>
      <PushActs push={running} />
    </section>
  );
}
