"use client";

import { Select } from "../../../ui/select.tsx";
import type { DraftFinding } from "../draft-findings.ts";
import type { YamlEdit } from "../rule-yaml.ts";
import { Field, TextField } from "../text-field.tsx";
import { withValue } from "../with-value.ts";
import { fieldEdit } from "./form-edits.ts";
import styles from "./kind-form.module.css";
import { isAbout } from "./place-findings.ts";
import type { FieldView } from "./read-form.ts";

/** One field of a described form, by the control its description asks for. */
export function FieldControl({
  view,
  within,
  document,
  findings,
  isOff,
  onEdit,
}: {
  readonly view: FieldView;
  /** The group it is in, for those who hear the page: "Mode of Port 8080". */
  readonly within: string;
  readonly document: unknown;
  readonly findings: readonly DraftFinding[];
  readonly isOff: boolean;
  readonly onEdit: (edits: readonly YamlEdit[]) => void;
}) {
  const { field, value, was, path } = view;
  const { control, label } = field;
  const set = (typed: string) => onEdit(fieldEdit(document, view, typed));
  const isLong = control.type === "names" || control.type === "labels";
  if (control.type !== "choice" && control.type !== "flag") {
    return (
      <span className={isLong ? styles.wide : styles.cell}>
        <TextField
          label={label}
          value={value}
          placeholder={control.placeholder ?? ""}
          was={was}
          isOff={isOff}
          hasFinding={findings.some((one) => isAbout(one, path))}
          {...(control.type === "number" && { inputMode: "decimal" as const })}
          {...(control.type === "text" &&
            control.suggestions !== undefined && { suggestions: control.suggestions })}
          onCommit={set}
        />
      </span>
    );
  }
  const values =
    control.type === "flag"
      ? [
          { value: "true", label: "yes" },
          { value: "false", label: "no" },
        ]
      : withValue(control.values, value).map((one) => ({ value: one, label: one }));
  const choices = [{ value: "", label: control.unset }, ...values];
  const labelOf = (one: string) => choices.find((choice) => choice.value === one)?.label ?? one;
  return (
    <span className={styles.wide}>
      <Field label={label} was={was === undefined || was === value ? undefined : labelOf(was)}>
        {isOff ? (
          <span>{labelOf(value)}</span>
        ) : (
          <Select label={`${label} of ${within}`} choices={choices} value={value} onChange={set} />
        )}
      </Field>
    </span>
  );
}
