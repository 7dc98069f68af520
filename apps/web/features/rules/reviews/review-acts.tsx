"use client";

import type { ReviewDetail } from "@heddle/contracts";
import { RelativeTime } from "../../../ui/relative-time.tsx";
import styles from "./review-card.module.css";
import { ACT_WORDS } from "./review-words.ts";

/** What was said to a review, oldest first; nothing where nobody has said a word. */
export function ReviewActs({ acts }: Pick<ReviewDetail, "acts">) {
  if (acts.length === 0) return null;
  return (
    <ol className={styles.acts} aria-label="What was said" aria-live="polite">
      {acts.map((act) => (
        <li key={act.id}>
          <b>{act.author}</b> {ACT_WORDS[act.kind]}{" "}
          <span className={styles.when}>
            <RelativeTime atMs={act.atMs} />
          </span>
          {act.text !== "" && <p className={styles.text}>{act.text}</p>}
        </li>
      ))}
    </ol>
  );
}
