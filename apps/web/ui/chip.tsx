import type { ReactNode } from "react";
import styles from "./chip.module.css";
import { classNames } from "./class-names.ts";

export type Tone = "neutral" | "accent" | "ok" | "warn" | "bad" | "tcp" | "idle";

/** A short fact on one line: a version, a kind, a verdict. `outline` for facts, `soft` for states. */
export function Chip({
  tone = "neutral",
  variant = "outline",
  icon,
  children,
}: {
  readonly tone?: Tone;
  readonly variant?: "outline" | "soft" | "filled";
  readonly icon?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <span className={classNames(styles.chip, styles[tone], styles[variant])}>
      {icon}
      {children}
    </span>
  );
}
