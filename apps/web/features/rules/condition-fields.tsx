"use client";

import { Select } from "../../ui/select.tsx";
import styles from "./condition-fields.module.css";
import { type Condition, conditionEdit, MATCH_KINDS, renameEdit } from "./http-routes.ts";
import type { YamlEdit } from "./rule-yaml.ts";
import { CommittedInput } from "./text-field.tsx";

/** One thing asked of a request: "header x-tester is exactly 1". */
export function ConditionFields({
  condition,
  isFirst,
  isOff,
  onEdit,
}: {
  readonly condition: Condition;
  readonly isFirst: boolean;
  readonly isOff: boolean;
  readonly onEdit: (edits: readonly YamlEdit[]) => void;
}) {
  const { subject, name, kind, value } = condition;
  const joint = isFirst ? "" : "and ";
  if (subject === "other") {
    return (
      <span className={styles.word}>
        {joint}
        {name} is <code>{value}</code>
      </span>
    );
  }
  const isNamed = subject === "header" || subject === "query parameter";
  return (
    <span className={styles.condition}>
      <span className={styles.word}>
        {joint}
        {subject}
      </span>
      {isNamed && (
        <CommittedInput
          label={`Name of the ${subject}`}
          value={name}
          isOff={isOff}
          onCommit={(next) => next !== "" && onEdit(renameEdit(condition, next))}
        />
      )}
      {isOff ? (
        <span className={styles.word}>{KIND_WORDS[kind]}</span>
      ) : (
        <Select
          label={`How the ${subject} is compared`}
          isQuiet
          choices={MATCH_KINDS.map((one) => ({ value: one, label: KIND_WORDS[one] }))}
          value={kind}
          onChange={(next) => onEdit(conditionEdit(condition, next, value))}
        />
      )}
      <CommittedInput
        label={`Value of the ${subject}${isNamed ? ` ${name}` : ""}`}
        value={value}
        isOff={isOff}
        onCommit={(next) => onEdit(conditionEdit(condition, kind, next))}
      />
    </span>
  );
}

const KIND_WORDS = { exact: "is exactly", prefix: "starts with", regex: "matches" } as const;
