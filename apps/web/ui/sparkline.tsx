import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import styles from "./sparkline.module.css";

export type SparkTone = "idle" | "ok" | "warn" | "bad" | "accent";

/** A value over time; `undefined` is a gap, drawn as one. */
export type SparkPoint = { readonly atMs: number; readonly value: number | undefined };

/**
 * A line without axes: the shape of the last minutes. The value axis starts at zero so that a small
 * wobble stays small. `label` says in words what the line shows.
 */
export function Sparkline({
  points,
  label,
  tone = "idle",
  widthPx = 90,
  heightPx = 18,
}: {
  readonly points: readonly SparkPoint[];
  readonly label: string;
  readonly tone?: SparkTone;
  readonly widthPx?: number;
  readonly heightPx?: number;
}) {
  const values = points.flatMap((point) => (point.value === undefined ? [] : [point.value]));
  const last = points.findLast((point) => point.value !== undefined);
  if (last === undefined) return <span className={styles.empty} style={{ width: widthPx }} />;
  const x = scaleLinear()
    .domain([points[0]?.atMs ?? 0, points.at(-1)?.atMs ?? 1])
    .range([1, widthPx - 4]);
  const y = scaleLinear()
    .domain([0, Math.max(...values) * 1.15 || 1])
    .range([heightPx - 1, 2]);
  const isPresent = (point: SparkPoint) => point.value !== undefined;
  const toX = (point: SparkPoint) => x(point.atMs);
  const toY = (point: SparkPoint) => y(point.value ?? 0);
  const ink = tone === "accent" ? "var(--accent)" : `var(--${tone}-thread)`;
  return (
    <svg
      className={styles.spark}
      width={widthPx}
      height={heightPx}
      viewBox={`0 0 ${widthPx} ${heightPx}`}
      role="img"
      aria-label={label}
    >
      <path
        d={area<SparkPoint>(toX, heightPx, toY).defined(isPresent)(points) ?? ""}
        fill={ink}
        opacity={0.13}
      />
      <path
        d={line<SparkPoint>(toX, toY).defined(isPresent)(points) ?? ""}
        fill="none"
        stroke={ink}
        strokeWidth={1.5}
        strokeLinejoin="round"
      />
      <circle cx={toX(last)} cy={toY(last)} r={2.2} fill={ink} />
    </svg>
  );
}
