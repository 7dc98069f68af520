"use client";

import type { Denial } from "@heddle/contracts";
import { KeyRound } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "../../../ui/button.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { useUrlValue } from "../../session/use-url-value.ts";
import { useSuggestion } from "../policies/policy-queries.ts";
import { SuggestionReview } from "../policies/suggestion-review.tsx";
import { useReadOnlyReasonOf } from "../use-read-only-reason-of.ts";
import styles from "./denial-detail.module.css";
import { callerInWords, requestInWords } from "./denial-words.ts";

/** The rule that would let a denied request pass: shown on demand, reviewed before it is applied. */
export function AllowThis({
  denial,
  children,
}: {
  readonly denial: Denial;
  /** Stands beside the button. */
  readonly children: ReactNode;
}) {
  const [act, setAct] = useUrlValue("act");
  const isOpen = act === "allow";
  const setIsOpen = (open: boolean) => setAct(open ? "allow" : undefined);
  const { id, source, destination, method, path, policy, rule, nearest } = denial;
  const readOnlyReason = useReadOnlyReasonOf()(destination.namespace);
  const suggestion = useSuggestion(
    `denial ${id}`,
    isOpen
      ? { from: "denial", denial: { source, destination, method, path, policy, rule, nearest } }
      : undefined,
  );
  const who = callerInWords(source);
  const request = `${requestInWords(denial)} of ${destination.workload}`;
  if (!isOpen) {
    return (
      <div className={styles.acts}>
        <p className={styles.facts}>{children}</p>
        <Button kind="primary" icon={<KeyRound size={15} />} onClick={() => setIsOpen(true)}>
          Allow this
        </Button>
      </div>
    );
  }
  if (suggestion.isError) {
    return (
      <ErrorPart
        title="No rule could be suggested"
        detail={suggestion.error.message}
        onRetry={() => void suggestion.refetch()}
      />
    );
  }
  if (suggestion.data === undefined) return <Skeleton heightPx={160} />;
  return (
    <SuggestionReview
      suggestion={suggestion.data}
      act={`Allow ${who} to ${destination.workload}`}
      question={`Let ${who} ask for ${request}?`}
      consequence="From your click such requests pass."
      reason={`Allow ${who}: ${request}`}
      command={`heddle policy allow ${id} | heddle apply -f -`}
      isRisky={false}
      readOnlyReason={readOnlyReason}
      onApplied={() => setIsOpen(false)}
    >
      <Button onClick={() => setIsOpen(false)}>Leave it denied</Button>
    </SuggestionReview>
  );
}
