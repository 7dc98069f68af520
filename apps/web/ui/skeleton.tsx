import styles from "./skeleton.module.css";

/**
 * A grey place in final geometry, seen only after 150 ms so that fast answers do not flash. After 5 s it says what is
 * waited for, if that was named.
 */
export function Skeleton({
  widthPx,
  heightPx = 16,
  waitsFor,
}: {
  /** Absent: as wide as its place. */
  readonly widthPx?: number;
  readonly heightPx?: number;
  /** "the control plane": who has not answered yet. */
  readonly waitsFor?: string;
}) {
  return (
    <span
      className={styles.skeleton}
      style={{ width: widthPx ?? "100%", height: heightPx }}
      {...(waitsFor === undefined && { "aria-hidden": true })}
    >
      {waitsFor !== undefined && <span className={styles.words}>Waiting for {waitsFor}</span>}
    </span>
  );
}
