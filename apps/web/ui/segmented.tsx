"use client";
import { useRef } from "react";
import { classNames } from "./class-names.ts";
import styles from "./segmented.module.css";

export type Choice<Value extends string> = { readonly value: Value; readonly label: string };

/** One of a few, all in sight. Arrow keys move the choice, as in any radio group. */
export function Segmented<Value extends string>({
  label,
  choices,
  value,
  onChange,
  look = "boxed",
}: {
  readonly label: string;
  readonly choices: readonly Choice<Value>[];
  readonly value: Value;
  readonly onChange: (value: Value) => void;
  /** `tabs`: underlined, for the parts of a page. */
  readonly look?: "boxed" | "tabs";
}) {
  const group = useRef<HTMLDivElement>(null);
  const moveBy = (step: number) => {
    const index = choices.findIndex((choice) => choice.value === value);
    const nextIndex = (index + step + choices.length) % choices.length;
    const next = choices[nextIndex];
    if (next === undefined) return;
    onChange(next.value);
    group.current?.querySelectorAll("button")[nextIndex]?.focus();
  };
  return (
    <div
      ref={group}
      role="radiogroup"
      aria-label={label}
      className={look === "tabs" ? styles.tabs : styles.segmented}
      onKeyDown={(event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        moveBy(step);
      }}
    >
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          role="radio"
          aria-checked={choice.value === value}
          tabIndex={choice.value === value ? 0 : -1}
          className={classNames(styles.choice, choice.value === value && styles.chosen)}
          onClick={() => onChange(choice.value)}
        >
          {choice.label}
        </button>
      ))}
    </div>
  );
}
