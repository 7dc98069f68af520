import styles from "./order-changes.module.css";

/** Says that a held list would be sorted otherwise by now. */
export function OrderChanges({ moved }: { readonly moved: number }) {
  if (moved === 0) return null;
  return (
    <span className={styles.changes} role="status">
      {moved === 1 ? "1 new order change" : `${moved} new order changes`}
    </span>
  );
}
