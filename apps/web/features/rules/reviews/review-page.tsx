"use client";

import type { ReviewDetail } from "@heddle/contracts";
import Link from "next/link";
import { Card } from "../../../ui/card.tsx";
import { EmptyState } from "../../../ui/empty-state.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { PageFrame } from "../../../ui/page-frame.tsx";
import { RelativeTime } from "../../../ui/relative-time.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { useLivePage } from "../../session/use-live-page.ts";
import { RuleEditor } from "../rule-editor.tsx";
import { ruleHref } from "../rule-href.ts";
import { useRule } from "../rule-queries.ts";
import type { RuleRef } from "../rule-ref.ts";
import styles from "./review-card.module.css";
import { useReview } from "./review-queries.ts";
import { reviewSubject } from "./review-words.ts";

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

function EndedReview({ review }: { readonly review: ReviewDetail }) {
  const { ended, state, changes, documents, author, note } = review;
  return (
    <PageFrame title={reviewSubject(review)} status={`asked for by ${author}`}>
      <Card>
        <EmptyState
          act={
            <span>
              {ended?.revision !== undefined && (
                <Link href={`/history/${ended.revision}`}>Show revision {ended.revision}</Link>
              )}{" "}
              {documents.map((one) => (
                <Link key={`${one.kind} ${one.namespace} ${one.name}`} href={ruleHref(one)}>
                  {one.kind} {one.name} as it stands
                </Link>
              ))}
            </span>
          }
        >
          This review was {state} by {ended?.by ?? "somebody"}
          {ended !== undefined && (
            <>
              {" "}
              <RelativeTime atMs={ended.atMs} />
            </>
          )}
          .{note !== "" && ` ${note}`}
        </EmptyState>
      </Card>
      {changes.map(({ kind, namespace, name, diff }) => (
        <Card key={`${kind} ${namespace} ${name}`} title={`${kind} ${name}`}>
          <pre className={styles.diff}>{diff.trimEnd() || "as it stood"}</pre>
        </Card>
      ))}
    </PageFrame>
  );
}
