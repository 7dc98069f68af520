"use client";

import { StatusGlyph } from "../../ui/status-glyph.tsx";
import type { DraftFinding } from "./draft-findings.ts";
import styles from "./finding-note.module.css";
import type { YamlEdit } from "./rule-yaml.ts";

const STATUSES = { fault: "failing", warning: "degraded", info: "unknown" } as const;

/** A finding beside the field it is about, with its mend. */
export function FindingNote({
  finding,
  isOff,
  onEdit,
}: {
  readonly finding: DraftFinding;
  readonly isOff: boolean;
  readonly onEdit: (edits: readonly YamlEdit[]) => void;
}) {
  const { fix, message, severity } = finding;
  return (
    <p className={styles.finding} data-severity={severity}>
      <StatusGlyph status={STATUSES[severity]} isBesideWord />
      <span>
        {message}{" "}
        {fix !== undefined && !isOff && (
          <button type="button" className={styles.fix} onClick={() => onEdit(fix.edits)}>
            {fix.label}
          </button>
        )}
      </span>
    </p>
  );
}
