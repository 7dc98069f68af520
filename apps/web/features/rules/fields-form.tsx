"use client";

import type { DraftFinding } from "./draft-findings.ts";
import styles from "./fields-form.module.css";
import { leafFields, leafValue } from "./leaf-fields.ts";
import { parsePath, textOf, valueAt, type YamlEdit } from "./rule-yaml.ts";
import { CommittedInput } from "./text-field.tsx";

/** The plain values of a rule of any kind, each in a field of its own; what has other shapes is edited in the YAML. */
export function FieldsForm({
  document,
  before,
  findings,
  readOnlyReason,
  onEdit,
}: {
  readonly document: unknown;
  /** What the draft was begun from. */
  readonly before: unknown;
  readonly findings: readonly DraftFinding[];
  readonly readOnlyReason: string | undefined;
  readonly onEdit: (edits: readonly YamlEdit[]) => void;
}) {
  const { fields, isCut } = leafFields(document);
  const found = new Set(findings.flatMap(({ path }) => (path ? [parsePath(path).join("/")] : [])));
  if (fields.length === 0) {
    return <p className={styles.note}>This rule holds no value yet; begin in the YAML.</p>;
  }
  return (
    <dl className={styles.fields}>
      {fields.map(({ path, label, value }) => {
        const was = valueAt(before, path);
        const key = path.join("/");
        return (
          <div key={key} className={styles.field}>
            <dt title={label}>{label}</dt>
            <dd>
              {typeof value === "boolean" ? (
                <label className={styles.check}>
                  <input
                    type="checkbox"
                    checked={value}
                    disabled={readOnlyReason !== undefined}
                    aria-label={label}
                    onChange={(event) => onEdit([{ path, value: event.target.checked }])}
                  />
                  {value ? "yes" : "no"}
                </label>
              ) : (
                <CommittedInput
                  label={label}
                  value={String(value)}
                  isOff={readOnlyReason !== undefined}
                  isChanged={was !== value}
                  hasFinding={found.has(key)}
                  onCommit={(typed) => onEdit([{ path, value: leafValue(value, typed) }])}
                />
              )}
              {was !== value && (
                <span className={styles.was}>
                  {was === undefined ? "new" : `was ${textOf(was) || "other"}`}
                </span>
              )}
            </dd>
          </div>
        );
      })}
      {isCut && <p className={styles.note}>The rule holds more; all of it stands in the YAML.</p>}
    </dl>
  );
}
