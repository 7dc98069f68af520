import styles from "./skeleton.module.css";

/** A grey place in final geometry, seen only after 150 ms so that fast answers do not flash. */
export function Skeleton({
  widthPx,
  heightPx = 16,
}: {
  /** Absent: as wide as its place. */
  readonly widthPx?: number;
  readonly heightPx?: number;
}) {
  return (
    <span
      className={styles.skeleton}
      style={{ width: widthPx ?? "100%", height: heightPx }}
      aria-hidden="true"
    />
  );
}
