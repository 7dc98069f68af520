import { Skeleton } from "../../ui/skeleton.tsx";
import styles from "./graph-page.module.css";

/** In the final geometry, while the graph is waited for. */
export function GraphLoading() {
  return (
    <div className={styles.loading}>
      {[0, 1, 2, 3].map((column) => (
        <Skeleton key={column} widthPx={136} heightPx={56} />
      ))}
    </div>
  );
}
