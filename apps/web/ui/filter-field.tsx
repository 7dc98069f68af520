"use client";
import { Search } from "lucide-react";
import { useState } from "react";
import styles from "./filter-field.module.css";

/** Narrows a list as one types; `label` says what it looks in. */
export function FilterField({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  /** What it begins with: the address's. */
  readonly value: string;
  readonly onChange: (text: string) => void;
}) {
  const [text, setText] = useState(value);
  return (
    <label className={styles.field}>
      <Search size={14} aria-hidden="true" />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={(event) => {
          setText(event.target.value); // the address follows without typing waiting for it
          onChange(event.target.value);
        }}
      />
    </label>
  );
}
