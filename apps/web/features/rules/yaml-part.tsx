"use client";

import { type RefObject, useMemo } from "react";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import type { DraftFinding } from "./draft-findings.ts";
import { DraftVerdict } from "./draft-verdict.tsx";
import { FindingList } from "./finding-list.tsx";
import type { LineMark } from "./line-marks.ts";
import styles from "./rule-editor.module.css";
import type { ReadRule, YamlEdit } from "./rule-yaml.ts";
import { type Place, type YamlEditor, YamlPane } from "./yaml-pane.tsx";

/** The right side of the editor: the text, whether it can be read, and what is wrong with it. */
export function YamlPart({
  editor,
  rule,
  text,
  marks,
  findings,
  isChecking,
  notChecked,
  readOnlyReason,
  onChange,
  onEdit,
}: {
  readonly editor: RefObject<YamlEditor | null>;
  readonly rule: ReadRule;
  readonly text: string;
  readonly marks: ReadonlyMap<number, LineMark>;
  readonly findings: readonly DraftFinding[];
  readonly isChecking: boolean;
  /** Why nobody has looked for findings. */
  readonly notChecked: string | undefined;
  readonly readOnlyReason: string | undefined;
  readonly onChange: (text: string) => void;
  readonly onEdit: (edits: readonly YamlEdit[]) => void;
}) {
  const identity = rule.kind === "rule" ? rule.identity : undefined;
  const places = useMemo<readonly Place[]>(
    () =>
      findings.flatMap(({ range, severity }) =>
        range === undefined ? [] : [{ from: range[0], to: range[1], severity }],
      ),
    [findings],
  );
  return (
    <section className={styles.yaml} aria-label="YAML">
      <header className={styles.paneHead}>
        <h2>YAML</h2>
        <span className={styles.caption}>{identity?.apiVersion}</span>
        <span className={styles.paneActs}>
          <DraftVerdict
            findings={findings}
            isBehind={isChecking}
            failed={rule.kind === "fault" ? rule.message : notChecked}
          />
        </span>
      </header>
      <div className={styles.text}>
        <YamlPane
          ref={editor}
          label={`YAML of ${identity?.name || "the rule"}`}
          text={text}
          isReadOnly={readOnlyReason !== undefined}
          marks={marks}
          places={places}
          onChange={onChange}
        />
      </div>
      {rule.kind === "fault" && (
        <p className={styles.unreadable} role="status">
          <StatusGlyph status="failing" isBesideWord />{" "}
          {rule.line !== undefined && `Line ${rule.line}: `}
          {rule.message}
        </p>
      )}
      <FindingList
        findings={findings}
        text={text}
        readOnlyReason={readOnlyReason}
        onShow={({ range }) => range && editor.current?.goTo(range[0])}
        onFix={({ fix }) => fix && onEdit(fix.edits)}
      />
    </section>
  );
}
