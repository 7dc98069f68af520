import type { RevisionSummary } from "@heddle/contracts";
import Link from "next/link";
import { formatClock, formatDayName, formatStamp } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { RevisionIcon } from "../history/revision-icon.tsx";
import styles from "./decisions-card.module.css";

/** What people decided about this service's traffic, newest first; each opens its revision. */
export function DecisionsCard({
  revisions,
  nowMs,
}: {
  readonly revisions: readonly RevisionSummary[];
  readonly nowMs: number;
}) {
  return (
    <Card title="Decisions" actions={<Link href="/history">All history</Link>}>
      {revisions.length === 0 ? (
        <EmptyState>No revision has touched this service yet.</EmptyState>
      ) : (
        <ol className={styles.list}>
          {revisions.map((one) => (
            <li key={one.revision} className={styles.decision}>
              <span className={styles.icon}>
                <RevisionIcon revision={one} />
              </span>
              <div>
                <p>
                  <b>{one.author}</b>{" "}
                  <time title={formatStamp(one.createdAtMs)} className={styles.time}>
                    {whenOf(one.createdAtMs, nowMs)}
                  </time>
                </p>
                <p className={styles.words}>
                  {one.summary}
                  {one.reason !== undefined && `. ${one.reason}`}
                </p>
                <Link className={styles.link} href={`/history/${one.revision}`}>
                  Revision {one.revision}
                </Link>
              </div>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}

function whenOf(timeMs: number, nowMs: number): string {
  const day = formatDayName(timeMs, nowMs);
  return day === "Today" ? formatClock(timeMs) : `${day}, ${formatClock(timeMs)}`;
}
