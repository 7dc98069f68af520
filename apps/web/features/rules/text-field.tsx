"use client";

import { type ReactNode, useId, useState } from "react";
import styles from "./text-field.module.css";

/** A caption over any control that names itself to screen readers. */
export function Field({
  label,
  was,
  children,
}: {
  readonly label: string;
  /** What stood there, if that is something else. */
  readonly was?: string | undefined;
  readonly children: ReactNode;
}) {
  return (
    <span className={styles.field}>
      <Label label={label} was={was} />
      {children}
    </span>
  );
}

function Label({ label, was }: { readonly label: string; readonly was: string | undefined }) {
  return (
    <span className={styles.label}>
      {label}
      {was !== undefined && <span className={styles.was}>, was {was === "" ? "none" : was}</span>}
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
  suggestions,
  onCommit,
}: {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  readonly was?: string | undefined;
  readonly isOff: boolean;
  readonly hasFinding?: boolean;
  readonly inputMode?: "numeric" | "decimal";
  readonly suggestions?: readonly string[];
  readonly onCommit: (value: string) => void;
}) {
  const isChanged = was !== undefined && was !== value;
  return (
    <label className={styles.field}>
      <Label label={label} was={isChanged ? was : undefined} />
      <CommittedInput
        label={label}
        value={value}
        placeholder={placeholder}
        isOff={isOff}
        isChanged={isChanged}
        hasFinding={hasFinding}
        {...(inputMode !== undefined && { inputMode })}
        {...(suggestions !== undefined && { suggestions })}
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
  suggestions = [],
  onCommit,
}: {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly isOff: boolean;
  readonly isChanged?: boolean;
  readonly hasFinding?: boolean;
  readonly inputMode?: "numeric" | "decimal";
  /** What one could write; other texts are taken, too. */
  readonly suggestions?: readonly string[];
  readonly onCommit: (value: string) => void;
}) {
  const [typed, setTyped] = useState<string>();
  const id = useId();
  const commit = () => {
    if (typed !== undefined && typed !== value) onCommit(typed);
    setTyped(undefined);
  };
  const input = (
    <input
      list={suggestions.length === 0 ? undefined : id}
      aria-label={label}
      aria-invalid={hasFinding || undefined}
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
  if (suggestions.length === 0) return input;
  return (
    <>
      {input}
      <datalist id={id}>
        {suggestions.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </>
  );
}
