import type { ReactNode } from "react";
import { classNames } from "./class-names.ts";
import styles from "./page-frame.module.css";

/** A page that scrolls: its one title, its status with a since, the acts at the right, then its parts. */
export function PageFrame({
  title,
  status,
  actions,
  className,
  children,
}: {
  readonly title: ReactNode;
  readonly status?: ReactNode;
  readonly actions?: ReactNode;
  readonly className?: string | undefined;
  readonly children: ReactNode;
}) {
  return (
    <div className={classNames(styles.frame, className)}>
      <header className={styles.head}>
        <h1>{title}</h1>
        {status !== undefined && <div className={styles.status}>{status}</div>}
        {actions !== undefined && <div className={styles.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}
