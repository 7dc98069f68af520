import type { ReactNode } from "react";
import styles from "./empty-state.module.css";

/** One sentence why nothing is here, and at most one act. */
export function EmptyState({
  children,
  act,
}: {
  readonly children: ReactNode;
  readonly act?: ReactNode;
}) {
  return (
    <div className={styles.empty}>
      <span className={styles.ghost} aria-hidden="true" />
      <p>{children}</p>
      {act}
    </div>
  );
}
