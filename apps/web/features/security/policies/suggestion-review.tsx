"use client";

import type { SuggestResponse } from "@heddle/contracts";
import { Check } from "lucide-react";
import { type ReactNode, useState } from "react";
import { formatCounted } from "../../../lib/numbers.ts";
import { Button } from "../../../ui/button.tsx";
import { CodeLine } from "../../../ui/code-line.tsx";
import { ConfirmInPlace } from "../../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import { DiffCard } from "../../history/diff-card.tsx";
import styles from "./suggestion-review.module.css";
import { useApplySuggestion } from "./use-apply-suggestion.ts";

/** Suggested rules before they are applied: what they do in sentences, what to mind, line by line, and the act. */
export function SuggestionReview({
  suggestion,
  act,
  question,
  consequence,
  reason,
  command,
  isRisky,
  readOnlyReason,
  children,
  onApplied,
}: {
  readonly suggestion: SuggestResponse;
  /** Verb and object of the act. */
  readonly act: string;
  readonly question: string;
  readonly consequence: ReactNode;
  /** Kept with the revision. */
  readonly reason: string;
  /** The line that does the same; absent: there is none. */
  readonly command: string | undefined;
  /** Somebody would lose access. */
  readonly isRisky: boolean;
  readonly readOnlyReason: string | undefined;
  /** Choices that shape the suggestion, beside the act. */
  readonly children?: ReactNode;
  readonly onApplied: () => void;
}) {
  const [isAsking, setIsAsking] = useState(false);
  const apply = useApplySuggestion(reason);
  const { documents, explanation, warnings } = suggestion;
  const changes = documents
    .filter(({ diff }) => diff !== "")
    .map((one) => ({
      kind: one.kind,
      namespace: one.namespace,
      name: one.name,
      action: one.before === undefined ? ("created" as const) : ("updated" as const),
      diff: one.diff,
    }));
  return (
    <div className={styles.review}>
      <ul className={styles.sentences}>
        {explanation.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
        {warnings.map((warning) => (
          <li key={warning} className={styles.warning}>
            <StatusGlyph status="degraded" isBesideWord />
            {warning.charAt(0).toUpperCase() + warning.slice(1)}
          </li>
        ))}
      </ul>
      <DiffCard changes={changes} title="What changes" />
      {apply.isError && <ErrorPart title="Nothing was applied" detail={apply.error.message} />}
      {isAsking || apply.isPending ? (
        <ConfirmInPlace
          question={question}
          act={act}
          actIcon={<Check size={15} />}
          keep="Keep the rules as they are"
          tone={isRisky ? "bad" : "accent"}
          isPending={apply.isPending}
          onAct={() =>
            apply.mutate(documents, {
              onSuccess: onApplied,
              onSettled: () => setIsAsking(false),
            })
          }
          onKeep={() => setIsAsking(false)}
        >
          {consequence} {formatCounted(changes.length, "document")}, one revision; one click takes
          it back.
        </ConfirmInPlace>
      ) : (
        <div className={styles.acts}>
          {children}
          <Button
            kind="primary"
            size="large"
            icon={<Check size={15} />}
            disabledReason={
              readOnlyReason ?? (changes.length === 0 ? "Nothing would change." : undefined)
            }
            onClick={() => setIsAsking(true)}
          >
            {act}
          </Button>
        </div>
      )}
      {command !== undefined && <CodeLine command={command} />}
    </div>
  );
}
