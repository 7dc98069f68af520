"use client";

import type { RevisionDetail } from "@heddle/contracts";
import { Undo2 } from "lucide-react";
import { useState } from "react";
import { formatCounted } from "../../lib/numbers.ts";
import { Button } from "../../ui/button.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { ConfirmInPlace } from "../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { DiffCard } from "./diff-card.tsx";
import styles from "./restore-card.module.css";
import { useRestore, useRestorePreview } from "./use-restore.ts";

/**
 * The way back at the foot of a revision: to this revision, or, from the newest, to the one before it. Preview and
 * confirmation both show what the server says would change.
 */
export function RestoreCard({
  detail,
  newest,
  readOnlyReason,
}: {
  readonly detail: RevisionDetail;
  readonly newest: number;
  readonly readOnlyReason: string | undefined;
}) {
  const isNewest = detail.revision >= newest;
  const target = isNewest ? detail.revision - 1 : detail.revision;
  const [step, setStep] = useState<"closed" | "preview" | "asking">("closed");
  const preview = useRestorePreview(target, newest, step !== "closed");
  const restore = useRestore();
  if (target < 1) return null; // before the first revision there is nothing to go back to
  const changes = preview.data?.changes;
  return (
    <section className={styles.foot} aria-label="Restore">
      {step === "asking" ? (
        <ConfirmInPlace
          question={`Restore revision ${target}?`}
          act={`Restore ${target}`}
          actIcon={<Undo2 size={16} />}
          keep={`Keep ${newest}`}
          tone="accent"
          isPending={restore.isPending}
          onAct={() =>
            restore.mutate({ revision: target, newest }, { onSettled: () => setStep("closed") })
          }
          onKeep={() => setStep("closed")}
        >
          {changes === undefined
            ? "Every document becomes as it stood then, as a new revision."
            : changes.length === 0
              ? "Nothing would change: everything stands as it did then."
              : `${formatCounted(changes.length, "document")} ${changes.length === 1 ? "changes" : "change"}, as a new revision ${newest + 1}. Nothing newer is lost: History keeps it.`}
        </ConfirmInPlace>
      ) : (
        <div className={styles.card}>
          <div className={styles.words}>
            <h2>Restore revision {target}</h2>
            <p>
              {isNewest
                ? `Takes this change back, as a new revision ${newest + 1}.`
                : `Every document becomes as it stood after ${target}, as a new revision ${newest + 1}.`}{" "}
              Nothing newer is lost.
            </p>
          </div>
          <div className={styles.command}>
            <CodeLine command={`heddle rollback ${target}`} />
          </div>
          <Button
            disabledReason={readOnlyReason}
            onClick={() => setStep(step === "preview" ? "closed" : "preview")}
          >
            {step === "preview" ? "Close the preview" : `Preview ${target}`}
          </Button>
          <Button
            kind="primary"
            icon={<Undo2 size={15} />}
            disabledReason={readOnlyReason}
            isPending={restore.isPending}
            onClick={() => setStep("asking")}
          >
            Restore {target}
          </Button>
        </div>
      )}
      {step !== "closed" && preview.isError && (
        <ErrorPart title="The preview failed" detail={preview.error.message} />
      )}
      {step !== "closed" && preview.isPending && <Skeleton heightPx={80} />}
      {step !== "closed" && changes !== undefined && (
        <DiffCard changes={changes} title={`What restoring ${target} would change`} />
      )}
    </section>
  );
}
