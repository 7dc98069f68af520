"use client";

import type { DocumentMerge } from "@heddle/contracts";
import { Button } from "../../ui/button.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { ConflictCard } from "./conflict-card.tsx";
import styles from "./rule-notices.module.css";
import { isSameRule, type RuleRef } from "./rule-ref.ts";

/** What one must know before one goes on: it is only to be looked at, it has moved on, or it is another rule by now. */
export function RuleNotices({
  readOnlyReason,
  opened,
  identity,
  movedTo,
  merge,
  isComparing,
  onCompare,
  onMerged,
  onTakeTheirs,
  onKeep,
}: {
  readonly readOnlyReason: string | undefined;
  readonly opened: RuleRef | undefined;
  /** What the YAML says it is. */
  readonly identity: RuleRef | undefined;
  /** The revision that changed the rule since the draft was begun. */
  readonly movedTo: number | undefined;
  readonly merge: DocumentMerge | undefined;
  readonly isComparing: boolean;
  readonly onCompare: () => void;
  readonly onMerged: (text: string) => void;
  readonly onTakeTheirs: () => void;
  readonly onKeep: () => void;
}) {
  return (
    <>
      {readOnlyReason !== undefined && (
        <p className={styles.readOnly} role="note">
          {readOnlyReason}
        </p>
      )}
      {merge !== undefined ? (
        <ConflictCard
          merge={merge}
          onMerged={onMerged}
          onKeep={onKeep}
          onTakeTheirs={onTakeTheirs}
        />
      ) : (
        movedTo !== undefined && (
          <div className={styles.notice} role="status">
            <StatusGlyph status="degraded" isBesideWord />
            <span>
              The rule was changed meanwhile (revision {movedTo}). Your draft is kept; compare
              before you apply.
            </span>
            <Button size="toolbar" isPending={isComparing} onClick={onCompare}>
              Compare
            </Button>
          </div>
        )
      )}
      {identity !== undefined && opened !== undefined && !isSameRule(identity, opened) && (
        <div className={styles.notice} role="status">
          <StatusGlyph status="degraded" isBesideWord />
          <span>
            The YAML names {identity.kind} {identity.namespace}/{identity.name}: applying makes that
            one, and {opened.kind} {opened.namespace}/{opened.name} stays as it is.
          </span>
        </div>
      )}
    </>
  );
}
