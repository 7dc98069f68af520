"use client";
import { ChevronDown } from "lucide-react";
import type { ReactNode } from "react";
import { classNames } from "./class-names.ts";
import type { Choice } from "./segmented.tsx";
import styles from "./select.module.css";

/** One of many. A native list underneath, so that keyboard, phones and screen readers get their own. */
export function Select<Value extends string>({
  label,
  caption,
  icon,
  choices,
  value,
  onChange,
  isQuiet = false,
}: {
  /** Accessible name. */
  readonly label: string;
  /** Grey word before the value ("View"). */
  readonly caption?: string;
  readonly icon?: ReactNode;
  readonly choices: readonly Choice<Value>[];
  readonly value: Value;
  readonly onChange: (value: Value) => void;
  /** No border: for bars. */
  readonly isQuiet?: boolean;
}) {
  const chosen = choices.find((choice) => choice.value === value);
  return (
    <span className={classNames(styles.select, isQuiet && styles.quiet)}>
      {icon}
      {caption !== undefined && <span className={styles.caption}>{caption}</span>}
      <span className={styles.value} aria-hidden="true">
        {chosen?.label ?? value}
      </span>
      <ChevronDown size={14} aria-hidden="true" />
      <select
        aria-label={label}
        className={styles.native}
        value={value}
        onChange={(event) => {
          const picked = choices.find((choice) => choice.value === event.target.value);
          if (picked !== undefined) onChange(picked.value);
        }}
      >
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </span>
  );
}
