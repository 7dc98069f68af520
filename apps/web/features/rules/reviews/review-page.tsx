"use client";

import type { ReviewDetail } from "@heddle/contracts";
import { ButtonLink } from "../../../ui/button.tsx";
import { Card } from "../../../ui/card.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { PageFrame } from "../../../ui/page-frame.tsx";
import { RelativeTime } from "../../../ui/relative-time.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { StatusPill } from "../../../ui/status-pill.tsx";
import { DiffCard } from "../../history/diff-card.tsx";
import { useLivePage } from "../../session/use-live-page.ts";
import { RuleEditor } from "../rule-editor.tsx";
import { ruleHref } from "../rule-href.ts";
import { useRule } from "../rule-queries.ts";
import type { RuleRef } from "../rule-ref.ts";
import { ReviewActs } from "./review-acts.tsx";
import styles from "./review-card.module.css";
import { useReview } from "./review-queries.ts";
import { approvalWords, reviewSubject } from "./review-words.ts";

/** A change somebody asks others to look at: in the editor while it waits, as it was afterwards. */
export function ReviewPage({ id }: { readonly id: string }) {
  const review = useReview(id);
  const [first] = review.data?.documents ?? [];
  const opened = first === undefined || first.baseRevision === 0 ? undefined : refOf(first);
  const standing = useRule(opened);
  useLivePage();
  if (review.data === undefined || (opened !== undefined && standing.data === undefined)) {
    const failed = review.error ?? standing.error;
    return (
      <PageFrame title="Review">
        {failed === null ? (
          <Skeleton heightPx={420} waitsFor="the control plane" />
        ) : (
          <ErrorPart
            title="The review is missing"
            detail={failed.message}
            onRetry={() => void review.refetch()}
          />
        )}
      </PageFrame>
    );
  }
  if (review.data.state !== "open") return <EndedReview review={review.data} />;
  const changed = review.data.acts.filter(({ kind }) => kind === "changed").length;
  const key = `review/${id}/${changed}`;
  return (
    <RuleEditor
      key={key}
      id={key}
      opened={opened}
      stands={standing.data ?? { yaml: "", revision: 0 }}
      review={review.data}
    />
  );
}

function refOf({ kind, namespace, name }: RuleRef): RuleRef {
  return { kind, namespace, name };
}

/** What came of it, what was said, and what it would have changed; the rule itself may stand otherwise by now. */
function EndedReview({ review }: { readonly review: ReviewDetail }) {
  const { ended, state, changes, documents, author, note, acts, createdAtMs } = review;
  return (
    <PageFrame
      title={reviewSubject(review)}
      status={
        <>
          <StatusPill status={state === "applied" ? "healthy" : "idle"}>{state}</StatusPill>
          {ended !== undefined && (
            <span>
              by {ended.by} <RelativeTime atMs={ended.atMs} />
            </span>
          )}
        </>
      }
      actions={
        <>
          {documents.slice(0, 1).map((one) => (
            <ButtonLink key={one.name} kind="ghost" href={ruleHref(one)}>
              {one.name} as it stands
            </ButtonLink>
          ))}
          {ended?.revision !== undefined && (
            <ButtonLink href={`/history/${ended.revision}`}>
              Show revision {ended.revision}
            </ButtonLink>
          )}
        </>
      }
    >
      <Card
        title={`${author} asked for a review`}
        caption={
          <>
            <RelativeTime atMs={createdAtMs} />, {approvalWords(review)}
          </>
        }
      >
        <div className={styles.body}>
          {note !== "" && <p className={styles.text}>{note}</p>}
          <ReviewActs acts={acts} />
          {note === "" && acts.length === 0 && (
            <p className={styles.when}>Nothing was said to it.</p>
          )}
        </div>
      </Card>
      <DiffCard
        title={state === "applied" ? "What it changed" : "What it would have changed"}
        changes={changes}
      />
    </PageFrame>
  );
}
