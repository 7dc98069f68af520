"use client";

import type { RevisionDetail } from "@heddle/contracts";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { useMe } from "../../lib/queries/use-me.ts";
import { formatStamp } from "../../lib/times.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import styles from "./marks.module.css";
import { useComments, useMark } from "./use-marks.ts";

const MAX_CHARS = 2000;

/** What people have said of a revision since it was made. */
export function CommentsCard({
  detail: { revision },
  readOnlyReason,
}: {
  readonly detail: RevisionDetail;
  readonly readOnlyReason: string | undefined;
}) {
  const comments = useComments(revision);
  const mark = useMark(revision);
  const me = useMe();
  const [text, setText] = useState("");
  const isEmpty = text.trim() === "";
  return (
    <Card title="Comments">
      {comments.isError && (
        <ErrorPart
          title="The comments are missing"
          detail={comments.error.message}
          onRetry={() => void comments.refetch()}
        />
      )}
      <ol className={styles.comments}>
        {comments.data?.comments.map((one) => (
          <li key={one.id} className={styles.comment}>
            <p className={styles.by}>
              <b>{one.author}</b> <time>{formatStamp(one.createdAtMs)}</time>
              {one.author === me?.name && readOnlyReason === undefined && (
                <IconButton
                  size="toolbar"
                  label="Delete this comment"
                  icon={<Trash2 size={14} />}
                  onClick={() => mark.mutate({ kind: "delete-comment", id: one.id })}
                />
              )}
            </p>
            <p className={styles.text}>{one.text}</p>
          </li>
        ))}
      </ol>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (isEmpty || readOnlyReason !== undefined) return;
          mark.mutate({ kind: "comment", text }, { onSuccess: () => setText("") });
        }}
      >
        <textarea
          className={styles.area}
          aria-label="Comment"
          placeholder="What is to be known of this change"
          rows={2}
          maxLength={MAX_CHARS}
          readOnly={readOnlyReason !== undefined}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Button
          type="submit"
          disabledReason={readOnlyReason ?? (isEmpty ? "Write something first" : undefined)}
          isPending={mark.isPending}
        >
          Comment
        </Button>
      </form>
    </Card>
  );
}
