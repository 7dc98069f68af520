"use client";

import type { ReviewDetail } from "@heddle/contracts";
import { Check } from "lucide-react";
import { useState } from "react";
import { useMe } from "../../../lib/queries/use-me.ts";
import { Button } from "../../../ui/button.tsx";
import { Card } from "../../../ui/card.tsx";
import { RelativeTime } from "../../../ui/relative-time.tsx";
import { ReviewActs } from "./review-acts.tsx";
import styles from "./review-card.module.css";
import { type ReviewStep, useReviewStep } from "./review-queries.ts";
import { approvalWords, whyNotApprove } from "./review-words.ts";

const MAX_CHARS = 2000;

/** Who asks for what, what was said to it, and what one can say oneself. */
export function ReviewCard({
  review,
  readOnlyReason,
  isTextChanged,
}: {
  readonly review: ReviewDetail;
  readonly readOnlyReason: string | undefined;
  /** What is in the editor is another text than the review's. */
  readonly isTextChanged: boolean;
}) {
  const step = useReviewStep(review.id);
  const me = useMe();
  const [text, setText] = useState("");
  const said = text.trim();
  const seenChanges = review.acts.filter(({ kind }) => kind === "changed").length;
  const send = (one: ReviewStep) => step.mutate(one, { onSuccess: () => setText("") });
  return (
    <Card
      title={`${review.author} asks for a review`}
      caption={
        <>
          <RelativeTime atMs={review.createdAtMs} />, {approvalWords(review)}
        </>
      }
      actions={
        <Button
          kind="ghost"
          size="toolbar"
          disabledReason={readOnlyReason}
          isPending={step.isPending}
          onClick={() => step.mutate({ step: "withdraw" })}
        >
          Withdraw it
        </Button>
      }
    >
      <div className={styles.body}>
        {review.note !== "" && <p className={styles.text}>{review.note}</p>}
        <ReviewActs acts={review.acts} />
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            if (said !== "" && readOnlyReason === undefined) send({ step: "comments", text: said });
          }}
        >
          <textarea
            aria-label="Comment on the review"
            placeholder="What you think of it"
            rows={1}
            maxLength={MAX_CHARS}
            readOnly={readOnlyReason !== undefined}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <Button
            type="submit"
            disabledReason={readOnlyReason ?? (said === "" ? "Write something first." : undefined)}
            isPending={step.isPending}
          >
            Comment
          </Button>
          <Button
            icon={<Check size={15} />}
            disabledReason={readOnlyReason ?? whyNotApprove(review, me?.name, isTextChanged)}
            isPending={step.isPending}
            onClick={() => send({ step: "approve", text: said, seenChanges })}
          >
            Approve
          </Button>
        </form>
      </div>
    </Card>
  );
}
