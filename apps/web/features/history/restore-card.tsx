"use client";

import type { RevisionDetail } from "@heddle/contracts";
import { Undo2 } from "lucide-react";
import { useState } from "react";
import { Button } from "../../ui/button.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { ConfirmInPlace } from "../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import styles from "./restore-card.module.css";
import { outcomeWords, ReasonField, RestoreOutcome } from "./restore-outcome.tsx";
import { type RestoreMeaning, useRestore, useRestorePreview } from "./use-restore.ts";

/**
 * The way back at the foot of a revision: this change alone, its documents, or the whole mesh. Preview and confirmation
 * both show what the server says would change, and whose later changes that undoes.
 */
export function RestoreCard({
  detail: { revision },
  newest,
  readOnlyReason,
}: {
  readonly detail: RevisionDetail;
  readonly newest: number;
  readonly readOnlyReason: string | undefined;
}) {
  const isNewest = revision >= newest;
  const [meaning, setMeaning] = useState<RestoreMeaning>(isNewest ? "undo" : "mesh");
  const [step, setStep] = useState<"closed" | "preview" | "asking">("closed");
  const [reason, setReason] = useState("");
  const way = { revision, meaning };
  const preview = useRestorePreview(step === "closed" ? undefined : way, newest);
  const restore = useRestore();
  const { act, title, words, command } = wordsOf(meaning, revision, newest);
  const choices = isNewest ? CHOICES.filter(({ value }) => value === "undo") : CHOICES;
  return (
    <section className={styles.foot} aria-label="Restore">
      {step === "asking" ? (
        <ConfirmInPlace
          question={`${title}?`}
          act={act}
          actIcon={<Undo2 size={16} />}
          keep={`Keep ${newest}`}
          tone="accent"
          isPending={restore.isPending}
          onAct={() => restore.mutate({ way, reason }, { onSettled: () => setStep("closed") })}
          onKeep={() => setStep("closed")}
        >
          {preview.data === undefined ? words : outcomeWords(preview.data, newest)}
          <ReasonField value={reason} onChange={setReason} />
        </ConfirmInPlace>
      ) : (
        <div className={styles.card}>
          <div className={styles.words}>
            <h2>{title}</h2>
            <p>{words}</p>
          </div>
          {choices.length > 1 && (
            <Segmented
              label="What goes back"
              choices={choices}
              value={meaning}
              onChange={setMeaning}
            />
          )}
          <div className={styles.command}>
            <CodeLine command={command} />
          </div>
          <div className={styles.acts}>
            <Button
              disabledReason={readOnlyReason}
              onClick={() => setStep(step === "preview" ? "closed" : "preview")}
            >
              {step === "preview" ? "Close the preview" : "Preview"}
            </Button>
            <Button
              kind="primary"
              icon={<Undo2 size={15} />}
              disabledReason={readOnlyReason}
              isPending={restore.isPending}
              onClick={() => setStep("asking")}
            >
              {act}
            </Button>
          </div>
        </div>
      )}
      {step !== "closed" && preview.isError && (
        <ErrorPart title="The preview failed" detail={preview.error.message} />
      )}
      {step !== "closed" && preview.isPending && <Skeleton heightPx={80} />}
      {step !== "closed" && preview.data !== undefined && <RestoreOutcome preview={preview.data} />}
    </section>
  );
}

const CHOICES = [
  { value: "mesh", label: "Whole mesh" },
  { value: "documents", label: "Its documents" },
  { value: "undo", label: "Take it back" },
] as const;

function wordsOf(meaning: RestoreMeaning, revision: number, newest: number) {
  const kept = `as a new revision ${newest + 1}. Nothing newer is lost.`;
  const words = {
    mesh: {
      act: `Restore ${revision}`,
      title: `Restore revision ${revision}`,
      words: `Every document becomes as it stood after ${revision}, ${kept}`,
      command: `heddle rollback ${revision}`,
    },
    documents: {
      act: "Restore its documents",
      title: `Restore the documents of revision ${revision}`,
      words: `Only the documents ${revision} changed become as it made them, ${kept} All others stay.`,
      command: `heddle rollback ${revision} --documents`,
    },
    undo: {
      act: `Take ${revision} back`,
      title: `Take revision ${revision} back`,
      words: `The documents ${revision} changed become as they stood before it, ${kept} All others stay.`,
      command: `heddle rollback ${revision} --undo`,
    },
  };
  return words[meaning];
}
