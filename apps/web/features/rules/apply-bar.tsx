"use client";

import { Check, Trash2, Users } from "lucide-react";
import { type RefObject, useState } from "react";
import { formatCounted } from "../../lib/numbers.ts";
import { Button } from "../../ui/button.tsx";
import { ConfirmInPlace } from "../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import styles from "./apply-bar.module.css";

/** What applying does and how to take it back; the question before it asks why. */
export function ApplyBar({
  words,
  changes,
  findings,
  readOnlyReason,
  disabledReason,
  error,
  isPending,
  isAsking,
  question,
  loss,
  applyButton,
  onAsk,
  onKeep,
  onApply,
  onDelete,
  review,
}: {
  /** "Applying makes revision 214. …". */
  readonly words: string;
  readonly changes: number;
  /** Those that are open and do not block. */
  readonly findings: number;
  readonly readOnlyReason: string | undefined;
  /** Why it cannot be applied now, be it for want of rights or for what it is. */
  readonly disabledReason: string | undefined;
  readonly error: string | undefined;
  readonly isPending: boolean;
  readonly isAsking: boolean;
  /** What is about to happen, to how many rps. */
  readonly question: string;
  /** Why the control plane asks for another yes: endpoints would be lost. */
  readonly loss: string | undefined;
  readonly applyButton: RefObject<HTMLButtonElement | null>;
  readonly onAsk: () => void;
  readonly onKeep: () => void;
  readonly onApply: (reason: string) => void;
  /** Absent: there is nothing to delete yet. */
  readonly onDelete: ((reason: string) => void) | undefined;
  /** Lets others look first; absent: they do already. */
  readonly review:
    | {
        readonly act: string;
        readonly isPending: boolean;
        readonly onAct: (note: string) => void;
      }
    | undefined;
}) {
  const [reason, setReason] = useState("");
  const [mode, setMode] = useState<"delete" | "review">();
  const act = changes === 0 ? "Apply" : `Apply ${formatCounted(changes, "change")}`;
  const why = (
    <label className={styles.why}>
      {mode === "review" ? "What they should look at" : "Why (stays with the revision)"}
      <input
        value={reason}
        maxLength={2000}
        placeholder="optional"
        onChange={(event) => setReason(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          if (mode === "delete") onDelete?.(reason);
          else if (mode === "review") review?.onAct(reason);
          else onApply(reason);
        }}
      />
    </label>
  );
  return (
    <section className={styles.place} aria-label="Apply">
      {error !== undefined && <ErrorPart title="It was not applied" detail={error} />}
      {mode === "review" && review !== undefined && disabledReason === undefined ? (
        <div className={styles.question}>
          <ConfirmInPlace
            question={`${review.act}?`}
            act={review.act}
            actIcon={<Users size={16} />}
            keep="Not yet"
            tone="accent"
            isPending={review.isPending}
            onAct={() => review.onAct(reason)}
            onKeep={() => setMode(undefined)}
          >
            Nothing takes effect. It stands in Rules, with a link of its own, until somebody applies
            or withdraws it.
            {why}
          </ConfirmInPlace>
        </div>
      ) : mode === "delete" ? (
        <div className={styles.question}>
          <ConfirmInPlace
            question={loss === undefined ? "Delete this rule?" : "Let these endpoints go?"}
            act={loss === undefined ? "Delete the rule" : "Delete all the same"}
            actIcon={<Trash2 size={16} />}
            keep="Keep it"
            tone="bad"
            isPending={isPending}
            onAct={() => onDelete?.(reason)}
            onKeep={() => {
              setMode(undefined);
              onKeep();
            }}
          >
            {loss ?? "Requests go as they would without it from then on. History brings it back."}
            {why}
          </ConfirmInPlace>
        </div>
      ) : isAsking && disabledReason === undefined ? (
        <div className={styles.question}>
          <ConfirmInPlace
            question={loss === undefined ? question : "Let these endpoints go?"}
            act={loss === undefined ? act : "Apply all the same"}
            actIcon={<Check size={16} />}
            keep="Not yet"
            tone={loss === undefined ? "accent" : "bad"}
            isPending={isPending}
            onAct={() => onApply(reason)}
            onKeep={onKeep}
          >
            {loss ?? words}
            {why}
          </ConfirmInPlace>
        </div>
      ) : (
        <div className={styles.bar}>
          <p className={styles.words}>{words}</p>
          <span className={styles.acts}>
            {findings > 0 && (
              <span className={styles.findings}>
                <StatusGlyph status="degraded" isBesideWord /> {formatCounted(findings, "finding")}{" "}
                open
              </span>
            )}
            {onDelete !== undefined && (
              <Button
                kind="ghost"
                icon={<Trash2 size={15} />}
                disabledReason={readOnlyReason}
                onClick={() => setMode("delete")}
              >
                Delete
              </Button>
            )}
            {review !== undefined && (
              <Button
                icon={<Users size={15} />}
                disabledReason={disabledReason}
                onClick={() => setMode("review")}
              >
                {review.act}
              </Button>
            )}
            <Button
              ref={applyButton}
              kind="primary"
              disabledReason={disabledReason}
              isPending={isPending}
              onClick={onAsk}
            >
              {act}
            </Button>
          </span>
        </div>
      )}
    </section>
  );
}
