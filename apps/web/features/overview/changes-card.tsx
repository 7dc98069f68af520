"use client";

import type { RevisionSummary, RevisionsResponse } from "@heddle/contracts";
import type { UseQueryResult } from "@tanstack/react-query";
import Link from "next/link";
import { formatMinute, formatStamp } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { effectWords, VERDICTS } from "../history/effect-words.ts";
import { RevisionIcon } from "../history/revision-icon.tsx";
import styles from "./changes-card.module.css";

const HOUR_MS = 3_600_000;
const MOST = 10;

/** What was changed in the last hour, by whom, and what followed; newest first. */
export function ChangesCard({
  revisions,
  namespace,
  nowMs,
}: {
  readonly revisions: UseQueryResult<RevisionsResponse>;
  readonly namespace: string | undefined;
  readonly nowMs: number;
}) {
  const shown = revisions.data?.revisions.filter(
    (one) => one.createdAtMs >= nowMs - HOUR_MS && concerns(one, namespace),
  );
  return (
    <Card title="Changes, last hour" actions={<Link href="/history">History</Link>} isFlush>
      {revisions.isError && (
        <ErrorPart
          title="The changes are missing"
          detail={revisions.error.message}
          onRetry={() => void revisions.refetch()}
        />
      )}
      {revisions.isPending && <Skeleton heightPx={200} waitsFor="the control plane" />}
      {shown?.length === 0 && <p className={styles.none}>Nothing was changed in the last hour.</p>}
      {shown !== undefined && shown.length > 0 && (
        <ol className={styles.list}>
          {shown.slice(0, MOST).map((one) => (
            <li key={one.revision} className={styles.change}>
              <span className={styles.icon}>
                <RevisionIcon revision={one} />
              </span>
              <Link href={`/history/${one.revision}`} className={styles.summary}>
                {one.summary}
              </Link>
              <span className={styles.who} title={formatStamp(one.createdAtMs)}>
                {one.author}, {formatMinute(one.createdAtMs)}
              </span>
              <Effect revision={one} />
            </li>
          ))}
        </ol>
      )}
      {shown !== undefined && shown.length > MOST && (
        <p className={styles.none}>and {shown.length - MOST} more, in History</p>
      )}
    </Card>
  );
}

function Effect({ revision: { effect } }: { readonly revision: RevisionSummary }) {
  if (effect === undefined) return null; // made before effects were kept
  const isMoved = effect.verdict === "worse" || effect.verdict === "better";
  return (
    <span className={styles.effect} data-tone={VERDICTS[effect.verdict].tone}>
      {isMoved && <StatusGlyph status={VERDICTS[effect.verdict].status} />}
      {effectWords(effect)}
    </span>
  );
}

function concerns(one: RevisionSummary, namespace: string | undefined): boolean {
  if (namespace === undefined) return true;
  return (
    one.resources.some((resource) => resource.namespace === namespace) ||
    one.services.some((service) => service.startsWith(`${namespace}/`))
  );
}
