import { formatCounted } from "../../lib/numbers.ts";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import type { DraftFinding } from "./draft-findings.ts";
import styles from "./draft-verdict.module.css";

/** How many errors and findings stand against the draft, and whether that is of the text as it is now. */
export function DraftVerdict({
  findings,
  isBehind,
  failed,
}: {
  readonly findings: readonly DraftFinding[];
  readonly isBehind: boolean;
  readonly failed: string | undefined;
}) {
  const errors = findings.filter(({ severity }) => severity === "fault").length;
  const rest = findings.length - errors;
  return (
    <span className={styles.verdict} role="status">
      {errors > 0 && (
        <b data-tone="bad">
          <StatusGlyph status="failing" isBesideWord /> {formatCounted(errors, "error")}
        </b>
      )}
      {rest > 0 && (
        <b data-tone="warn">
          <StatusGlyph status="degraded" isBesideWord /> {formatCounted(rest, "finding")}
        </b>
      )}
      {findings.length === 0 && <span>{failed === undefined ? "no findings" : "not checked"}</span>}
      {isBehind && <span>checking</span>}
    </span>
  );
}
