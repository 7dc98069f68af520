"use client";

import type { RestoreResponse, RevisionDetail } from "@heddle/contracts";
import { Undo2 } from "lucide-react";
import Link from "next/link";
import { useState } from "react";
import { formatCounted } from "../../lib/numbers.ts";
import { Button } from "../../ui/button.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { ConfirmInPlace } from "../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { DiffCard } from "./diff-card.tsx";
import styles from "./restore-card.module.css";
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
  const way = { revision, meaning, newest };
  const preview = useRestorePreview(way, step !== "closed");
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
          onAct={() => restore.mutate(way, { onSettled: () => setStep("closed") })}
          onKeep={() => setStep("closed")}
        >
          {preview.data === undefined ? words : outcomeWords(preview.data, newest)}
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
      {step !== "closed" && preview.data !== undefined && (
        <>
          <Undone preview={preview.data} />
          <DiffCard changes={preview.data.changes} title="What would change" />
        </>
      )}
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

function outcomeWords({ changes }: RestoreResponse, newest: number): string {
  if (changes.length === 0) return "Nothing would change: everything stands so already.";
  const count = formatCounted(changes.length, "document");
  const verb = changes.length === 1 ? "changes" : "change";
  return `${count} ${verb}, as a new revision ${newest + 1}. Nothing newer is lost: History keeps it.`;
}

/** Whose later changes go, so that nobody is surprised. */
function Undone({ preview: { undoes } }: { readonly preview: RestoreResponse }) {
  if (undoes.length === 0) return null;
  return (
    <div className={styles.undone}>
      <h3>This undoes</h3>
      <ul>
        {undoes.map((one) => (
          <li key={one.revision}>
            <Link href={`/history/${one.revision}`}>{one.revision}</Link> {one.summary}, by{" "}
            {one.author}
          </li>
        ))}
      </ul>
    </div>
  );
}
