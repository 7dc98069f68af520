import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { type DraftFinding, lineOf } from "./draft-findings.ts";
import styles from "./finding-list.module.css";

const LOOKS = {
  fault: { status: "failing", word: "Error" },
  warning: { status: "degraded", word: "Warning" },
  info: { status: "unknown", word: "Note" },
} as const;

/** What stands against the draft or is odd about it: where, why, what to do, and the fix. */
export function FindingList({
  findings,
  text,
  readOnlyReason,
  onShow,
  onFix,
}: {
  readonly findings: readonly DraftFinding[];
  readonly text: string;
  readonly readOnlyReason: string | undefined;
  /** Brings its place into sight. */
  readonly onShow: (finding: DraftFinding) => void;
  readonly onFix: (finding: DraftFinding) => void;
}) {
  if (findings.length === 0) return null;
  return (
    <ul className={styles.list} aria-label="Findings">
      {findings.map((finding) => {
        const { status, word } = LOOKS[finding.severity];
        return (
          <li key={finding.id} className={styles.finding} data-severity={finding.severity}>
            <StatusGlyph status={status} isBesideWord />
            <span className={styles.words}>
              <b>{finding.blocks ? "Error" : word}</b>
              {finding.code !== undefined && <code className={styles.code}>{finding.code}</code>}
              {finding.range !== undefined && (
                <button type="button" className={styles.act} onClick={() => onShow(finding)}>
                  line {lineOf(text, finding.range[0])}
                </button>
              )}{" "}
              {sentence(finding.message)} {finding.advice !== undefined && sentence(finding.advice)}
            </span>
            {finding.fix !== undefined && readOnlyReason === undefined && (
              <button type="button" className={styles.act} onClick={() => onFix(finding)}>
                {finding.fix.label}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** With a full stop, so that what follows is a sentence of its own. */
function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
