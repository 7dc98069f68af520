"use client";

import { type ReactNode, useId, useState } from "react";
import styles from "./text-field.module.css";

/** A caption over any control that names itself to screen readers. */
export function Field({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ReactNode;
}) {
  return (
    <span className={styles.field}>
      <span className={styles.label}>{label}</span>
      {children}
    </span>
  );
}

/** A labelled text field that says what stood there before. */
export function TextField({
  label,
  value,
  placeholder,
  was,
  isOff,
  hasFinding = false,
  inputMode,
  onCommit,
}: {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  readonly was?: string | undefined;
  readonly isOff: boolean;
  readonly hasFinding?: boolean;
  readonly inputMode?: "numeric" | "decimal";
  readonly onCommit: (value: string) => void;
}) {
  const isChanged = was !== undefined && was !== value;
  return (
    <label className={styles.field}>
      <span className={styles.label}>
        {label}
        {isChanged && <span className={styles.was}>, was {was === "" ? "none" : was}</span>}
      </span>
      <CommittedInput
        label={label}
        value={value}
        placeholder={placeholder}
        isOff={isOff}
        isChanged={isChanged}
        hasFinding={hasFinding}
        {...(inputMode !== undefined && { inputMode })}
        onCommit={onCommit}
      />
    </label>
  );
}

/** A text field that takes effect on Enter or when one leaves it, so that half a value is never a rule; Esc takes it back. */
export function CommittedInput({
  label,
  value,
  placeholder,
  isOff,
  isChanged = false,
  hasFinding = false,
  inputMode,
  onCommit,
}: {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly isOff: boolean;
  readonly isChanged?: boolean;
  readonly hasFinding?: boolean;
  readonly inputMode?: "numeric" | "decimal";
  readonly onCommit: (value: string) => void;
}) {
  const [typed, setTyped] = useState<string>();
  const id = useId();
  const commit = () => {
    if (typed !== undefined && typed !== value) onCommit(typed);
    setTyped(undefined);
  };
  return (
    <input
      id={id}
      aria-label={label}
      className={styles.input}
      data-changed={isChanged || undefined}
      data-finding={hasFinding || undefined}
      size={Math.max(6, Math.min(28, (typed ?? value).length + 1))}
      placeholder={placeholder}
      inputMode={inputMode}
      readOnly={isOff}
      value={typed ?? value}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === "Enter") commit();
        if (event.key !== "Escape" || typed === undefined) return;
        event.stopPropagation();
        setTyped(undefined);
      }}
    />
  );
}
