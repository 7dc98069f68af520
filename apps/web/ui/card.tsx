import type { ReactNode } from "react";
import styles from "./card.module.css";
import { classNames } from "./class-names.ts";

/** A bordered part of a page. The head holds a title, a caption and what acts on the part. */
export function Card({
  title,
  caption,
  actions,
  tone,
  isFlush = false,
  className,
  children,
}: {
  readonly title?: ReactNode;
  readonly caption?: ReactNode;
  readonly actions?: ReactNode;
  readonly tone?: "bad" | "warn" | "accent";
  /** No padding: for tables and drawings that reach the edges. */
  readonly isFlush?: boolean;
  readonly className?: string | undefined;
  readonly children: ReactNode;
}) {
  return (
    <section className={classNames(styles.card, tone && styles[tone], className)}>
      {title !== undefined && (
        <header className={styles.head}>
          <h2>{title}</h2>
          {caption !== undefined && <span className={styles.caption}>{caption}</span>}
          {actions !== undefined && <span className={styles.actions}>{actions}</span>}
        </header>
      )}
      <div className={isFlush ? undefined : styles.body}>{children}</div>
    </section>
  );
}
