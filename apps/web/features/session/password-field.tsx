"use client";

import { Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import styles from "./login-page.module.css";

/** A password with a button that shows what was typed. */
export function PasswordField({
  id,
  label,
  autoComplete,
  minLength,
  value,
  onChange,
  describedBy,
  isInvalid = false,
}: {
  readonly id: string;
  readonly label: string;
  readonly autoComplete: "current-password" | "new-password";
  readonly minLength?: number;
  readonly value?: string;
  readonly onChange?: (value: string) => void;
  readonly describedBy?: string | undefined;
  readonly isInvalid?: boolean;
}) {
  const [isShown, setIsShown] = useState(false);
  return (
    <>
      <label htmlFor={id}>{label}</label>
      <span className={styles.secret}>
        <input
          id={id}
          name={id}
          type={isShown ? "text" : "password"}
          required
          maxLength={256}
          minLength={minLength}
          autoComplete={autoComplete}
          aria-invalid={isInvalid || undefined}
          aria-describedby={describedBy}
          {...(value === undefined ? {} : { value })}
          onChange={(event) => onChange?.(event.target.value)}
        />
        <button
          type="button"
          aria-label={isShown ? `Hide ${label.toLowerCase()}` : `Show ${label.toLowerCase()}`}
          aria-pressed={isShown}
          onClick={() => setIsShown(!isShown)}
        >
          {isShown ? <EyeOff size={15} aria-hidden="true" /> : <Eye size={15} aria-hidden="true" />}
        </button>
      </span>
    </>
  );
}
