import type { MtlsModeWire } from "@heddle/contracts";
import type { z } from "zod";
import styles from "./lock.module.css";

type Mode = z.infer<typeof MtlsModeWire>;

/** The mode a workload demands of its callers: closed lock STRICT, open lock PERMISSIVE or dry run, slashed DISABLE. */
export function Lock({
  mode,
  isDryRun = false,
}: {
  readonly mode: Mode;
  /** PERMISSIVE, and what STRICT would refuse is counted. */
  readonly isDryRun?: boolean;
}) {
  return (
    <span className={styles.lock}>
      <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
        <g fill="none" stroke="currentColor" strokeWidth="1.3" strokeLinecap="round">
          <rect x="2.5" y="6" width="9" height="6.2" rx="1.3" />
          {mode === "STRICT" && <path d="M4.5 6V4.2a2.5 2.5 0 0 1 5 0V6" />}
          {mode === "PERMISSIVE" && <path d="M4.5 6V4.2a2.5 2.5 0 0 1 4.9-.7" />}
          {mode === "DISABLE" && <path d="M4.5 6V4.2a2.5 2.5 0 0 1 5 0V6M1.5 12.8l11-11.6" />}
        </g>
        {isDryRun && <circle cx="7" cy="9.1" r="1.2" fill="currentColor" />}
      </svg>
      {isDryRun ? "Dry run" : mode}
    </span>
  );
}
