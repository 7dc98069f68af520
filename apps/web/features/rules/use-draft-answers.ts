"use client";

import { useMemo, useState } from "react";
import { ApiError } from "../../lib/api-error.ts";
import { type DraftFinding, draftFindings } from "./draft-findings.ts";
import { PREVIEW_WINDOWS_MS, useDraftAnalysis, usePreview } from "./rule-queries.ts";
import { type ReadRule, readRule } from "./rule-yaml.ts";
import { useDebounced } from "./use-debounced.ts";

const ASK_AFTER_MS = 350;

/** What the control plane says of a draft while it is written: what is wrong with it and what it would do. */
export function useDraftAnswers({
  text,
  base,
  rule,
  isNew,
  namespace,
}: {
  readonly text: string;
  readonly base: string;
  /** The text as it was read. */
  readonly rule: ReadRule;
  /** Nothing of its name stands yet. */
  readonly isNew: boolean;
  readonly namespace: string;
}) {
  const settled = useDebounced(text, ASK_AFTER_MS);
  const isReadable = useMemo(() => readRule(settled).kind === "rule", [settled]);
  const [windowMs, setWindowMs] = useState<number>(PREVIEW_WINDOWS_MS[0]);
  const isWanted = isReadable && (settled !== base || isNew);
  const preview = usePreview(isWanted ? settled : undefined, windowMs);
  const analysis = useDraftAnalysis(isReadable ? settled : undefined, namespace);
  const answer = isNew || text !== base ? preview.data : undefined;
  const identity = rule.kind === "rule" ? rule.identity : undefined;
  const findings = useMemo<readonly DraftFinding[]>(
    () => draftFindings(text, identity, answer?.notes ?? [], analysis.data?.findings ?? []),
    [text, identity, answer, analysis.data],
  );
  const isRefused =
    preview.isError && preview.error instanceof ApiError && preview.error.status === 400;
  return {
    preview,
    answer,
    findings,
    /** What is shown is of an earlier text. */
    isBehind: settled !== text || (preview.isFetching && preview.isPlaceholderData),
    isChecking: analysis.isFetching,
    /** Why the control plane would not even look at it. */
    refusal: isRefused ? preview.error.message : undefined,
    /** Looks further back; absent: it does already. */
    onLongerWindow:
      windowMs === PREVIEW_WINDOWS_MS[0] ? () => setWindowMs(PREVIEW_WINDOWS_MS[1]) : undefined,
  };
}
