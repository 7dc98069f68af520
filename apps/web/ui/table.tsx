import type { ComponentProps } from "react";
import { classNames } from "./class-names.ts";
import styles from "./table.module.css";

/** Rows of 32 px, a head that stays, numbers right-aligned with `<Td isNumber>`. `label` names it. */
export function Table({
  label,
  className,
  ...rest
}: ComponentProps<"table"> & { readonly label: string }) {
  return (
    <div className={styles.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={classNames(styles.table, className)} {...rest} />
    </div>
  );
}

export function Th({
  isNumber,
  className,
  ...rest
}: ComponentProps<"th"> & { readonly isNumber?: boolean }) {
  return (
    <th
      scope="col"
      {...rest}
      className={classNames(styles.th, isNumber && styles.number, className)}
    />
  );
}

export function Td({
  isNumber,
  className,
  ...rest
}: ComponentProps<"td"> & { readonly isNumber?: boolean }) {
  return <td {...rest} className={classNames(styles.td, isNumber && styles.number, className)} />;
}

/** A row. `isSelected` tints it; `tone="bad"` is for failing things. */
export function Tr({
  isSelected,
  tone,
  className,
  ...rest
}: ComponentProps<"tr"> & { readonly isSelected?: boolean; readonly tone?: "bad" | undefined }) {
  return (
    <tr
      {...rest}
      aria-selected={isSelected}
      className={classNames(
        styles.row,
        tone === "bad" && styles.bad,
        isSelected && styles.selected,
        rest.onClick !== undefined && styles.clickable,
        className,
      )}
    />
  );
}
