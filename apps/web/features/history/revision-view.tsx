"use client";

import type { Propagation, RevisionDetail } from "@heddle/contracts";
import { ArrowLeft, MessageSquare } from "lucide-react";
import Link from "next/link";
import type { z } from "zod";
import { formatCounted } from "../../lib/numbers.ts";
import { useReadOnlyReason } from "../../lib/queries/use-me.ts";
import { useRevision } from "../../lib/queries/use-revisions.ts";
import { formatDuration, formatStamp } from "../../lib/times.ts";
import { Chip } from "../../ui/chip.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { PushCard } from "../pushes/push-card.tsx";
import { CommentsCard } from "./comments-card.tsx";
import { DiffCard } from "./diff-card.tsx";
import { EffectCard } from "./effect-card.tsx";
import { effectSentence, VERDICTS } from "./effect-words.ts";
import { MarkButtons } from "./mark-buttons.tsx";
import { RestoreCard } from "./restore-card.tsx";
import styles from "./revision-view.module.css";

const FROM = {
  console: "the console",
  cli: "the CLI",
  api: "the API",
  demo: "the demo",
  guard: "its guard",
  timer: "a timer",
  registry: "the registry",
  git: "a git import",
  rollout: "its rollout",
} as const;

const FRESH_MS = 60_000;

/** One revision: what it changed, why, how far it got, what followed, and the way back. */
export function RevisionView({
  revision,
  newest,
  nowMs,
}: {
  readonly revision: number;
  readonly newest: number;
  readonly nowMs: number;
}) {
  const detail = useRevision(revision);
  const readOnlyReason = useReadOnlyReason();
  if (detail.data === undefined) {
    return (
      <PageFrame title={`Revision ${revision}`}>
        {detail.isError ? (
          <ErrorPart
            title={`Revision ${revision} is missing`}
            detail={detail.error.message}
            onRetry={() => void detail.refetch()}
          />
        ) : (
          <Skeleton heightPx={260} />
        )}
      </PageFrame>
    );
  }
  const { data } = detail;
  return (
    <PageFrame
      title={
        <>
          <Link href="/history" className={styles.back} aria-label="Back to the list">
            <ArrowLeft size={18} />
          </Link>
          {data.summary}
        </>
      }
      status={
        <>
          <Chip>revision {data.revision}</Chip>
          <EffectChip effect={data.effect} />
        </>
      }
      actions={<MarkButtons detail={data} readOnlyReason={readOnlyReason} />}
    >
      <Origin detail={data} />
      {data.reason !== undefined && (
        <p className={styles.note}>
          <MessageSquare size={15} aria-hidden="true" />
          <span>{data.reason}</span>
        </p>
      )}
      <PushCard revision={data.revision} />
      <DiffCard changes={data.changes} title="What changed" />
      <EffectCard revision={data.revision} isKnown={isJudged(data, nowMs)} />
      <CommentsCard detail={data} readOnlyReason={readOnlyReason} />
      <div className={styles.foot}>
        <RestoreCard detail={data} newest={newest} readOnlyReason={readOnlyReason} />
      </div>
    </PageFrame>
  );
}

function EffectChip({ effect }: { readonly effect: RevisionDetail["effect"] }) {
  const words = effect && effectSentence(effect);
  if (effect === undefined || words === undefined) return null;
  const { status, tone } = VERDICTS[effect.verdict];
  return (
    <Chip variant="soft" tone={tone} icon={<StatusGlyph status={status} isBesideWord />}>
      {words}
    </Chip>
  );
}

/** Fresh ones are judged within seconds; older ones without a verdict never were. */
function isJudged({ effect, createdAtMs }: RevisionDetail, nowMs: number): boolean {
  return effect !== undefined || nowMs - createdAtMs < FRESH_MS;
}

function Origin({ detail }: { readonly detail: RevisionDetail }) {
  return (
    <p className={styles.origin}>
      <span>
        <b>{detail.author}</b>, from {FROM[detail.source]}
      </span>
      <time dateTime={new Date(detail.createdAtMs).toISOString()}>
        {formatStamp(detail.createdAtMs)}
      </time>
      {detail.propagation !== undefined && <Spread propagation={detail.propagation} />}
    </p>
  );
}

function Spread({ propagation }: { readonly propagation: z.infer<typeof Propagation> }) {
  const { proxiesAcked, proxiesTotal, ackedAfterMs, nacks } = propagation;
  const [refusal] = nacks;
  if (proxiesTotal === 0) return <span>no proxy was concerned</span>;
  return (
    <>
      <span className={proxiesAcked < proxiesTotal ? styles.behind : undefined}>
        {proxiesAcked} of {formatCounted(proxiesTotal, "proxy", "proxies")}
        {ackedAfterMs !== undefined && ` in ${formatDuration(Math.round(ackedAfterMs))}`}
      </span>
      {refusal !== undefined && (
        <span className={styles.refused}>
          {formatCounted(nacks.length, "proxy", "proxies")} refused it: {refusal.reason}
        </span>
      )}
    </>
  );
}
