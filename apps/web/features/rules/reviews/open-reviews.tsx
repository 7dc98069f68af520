"use client";

import Link from "next/link";
import { formatCounted } from "../../../lib/numbers.ts";
import { Card } from "../../../ui/card.tsx";
import { RelativeTime } from "../../../ui/relative-time.tsx";
import styles from "./review-card.module.css";
import { useOpenReviews } from "./review-queries.ts";
import { approvalWords, reviewSubject } from "./review-words.ts";

/** The changes that wait for a look; nothing where there are none. */
export function OpenReviews({ namespace }: { readonly namespace: string | undefined }) {
  const reviews = useOpenReviews().data?.reviews.filter(
    ({ documents }) =>
      namespace === undefined || documents.some((one) => one.namespace === namespace),
  );
  if (reviews === undefined || reviews.length === 0) return null;
  return (
    <Card title="Waiting for a review" caption={reviews.length} isFlush>
      <ul className={styles.list}>
        {reviews.map((review) => (
          <li key={review.id} className={styles.row}>
            <Link href={`/rules/review/${review.id}`} className={styles.subject}>
              {reviewSubject(review)}
            </Link>
            <span>
              {review.author}, {approvalWords(review)}
              {review.comments > 0 && `, ${formatCounted(review.comments, "comment")}`}
            </span>
            <span className={styles.note} title={review.note}>
              {review.note}
            </span>
            <span className={styles.when}>
              <RelativeTime atMs={review.createdAtMs} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
