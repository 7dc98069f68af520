import type { Canary } from "@heddle/contracts";
import styles from "./version-legend.module.css";

/** Which line is which version; the same in every part of the page. */
export function VersionLegend({ canary }: { readonly canary: Canary }) {
  return (
    <span className={styles.legend}>
      <span className={styles.stable}>
        {canary.stable.subset} <small>stable</small>
      </span>
      <span className={styles.canary}>
        {canary.canary.subset} <small>canary</small>
      </span>
    </span>
  );
}
