"use client";
import { scaleLinear, scaleUtc } from "d3-scale";
import { line } from "d3-shape";
import { useState } from "react";
import { useElementSize } from "./element-size.ts";
import styles from "./line-chart.module.css";

export type LineSeries = {
  readonly name: string;
  /** `stable` grey 1.75 px, `canary` accent 2.25 px; further ones get colours and dashes of their own. */
  readonly role: "stable" | "canary" | "tcp" | "ok" | "warn";
  readonly points: readonly { readonly atMs: number; readonly value: number | undefined }[];
};

/** A moment worth a dashed line: a revision, the first error. */
export type LineMarker = { readonly atMs: number; readonly text: string };

const STROKES = {
  stable: { stroke: "var(--idle-thread)", strokeWidth: 1.75 },
  canary: { stroke: "var(--accent)", strokeWidth: 2.25 },
  tcp: { stroke: "var(--tcp-thread)", strokeWidth: 1.75, strokeDasharray: "6 3" },
  ok: { stroke: "var(--ok-thread)", strokeWidth: 1.75, strokeDasharray: "2 2" },
  warn: { stroke: "var(--warn-thread)", strokeWidth: 1.75, strokeDasharray: "8 3 2 3" },
} as const;

const LEFT_PX = 44;
const RIGHT_PX = 10;
const TOP_PX = 8;
const BOTTOM_PX = 20;

/**
 * Series on one axis from zero, over [fromMs, toMs). A gap in the data is a gap in the line. Hover or
 * the arrow keys read one moment; its name tells the same in words.
 */
export function LineChart({
  label,
  series,
  fromMs,
  toMs,
  formatValue,
  formatTime,
  markers = [],
  heightPx = 110,
}: {
  readonly label: string;
  readonly series: readonly LineSeries[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly formatValue: (value: number) => string;
  readonly formatTime: (atMs: number) => string;
  readonly markers?: readonly LineMarker[];
  readonly heightPx?: number;
}) {
  const [box, size] = useElementSize<HTMLDivElement>();
  const [readAtMs, setReadAtMs] = useState<number>();
  const widthPx = size?.widthPx ?? 600;
  const values = series.flatMap((one) => one.points.flatMap((point) => point.value ?? []));
  const x = scaleUtc()
    .domain([fromMs, toMs])
    .range([LEFT_PX, widthPx - RIGHT_PX]);
  const y = scaleLinear()
    .domain([0, Math.max(...values, 0) || 1])
    .nice(2)
    .range([heightPx - BOTTOM_PX, TOP_PX]);
  const path = line<LineSeries["points"][number]>(
    (point) => x(point.atMs),
    (point) => y(point.value ?? 0),
  ).defined((point) => point.value !== undefined);
  const moments = [...new Set(series.flatMap((one) => one.points.map((point) => point.atMs)))].sort(
    (a, b) => a - b,
  );
  const nearest = (atMs: number) =>
    moments.reduce<number | undefined>(
      (best, moment) =>
        best === undefined || Math.abs(moment - atMs) < Math.abs(best - atMs) ? moment : best,
      undefined,
    );
  const step = (by: number) => {
    const index = readAtMs === undefined ? moments.length : moments.indexOf(readAtMs);
    setReadAtMs(moments[Math.min(Math.max(index + by, 0), moments.length - 1)]);
  };
  const reading = series.map((one) => ({
    name: one.name,
    value: one.points.find((point) => point.atMs === readAtMs)?.value,
  }));
  return (
    <div ref={box} className={styles.chart}>
      <svg
        width={widthPx}
        height={heightPx}
        role="img"
        aria-label={`${label}: ${series.map((one) => describe(one, formatValue)).join("; ")}`}
        tabIndex={0}
        onPointerMove={(event) =>
          setReadAtMs(nearest(x.invert(event.nativeEvent.offsetX).getTime()))
        }
        onPointerLeave={() => setReadAtMs(undefined)}
        onBlur={() => setReadAtMs(undefined)}
        onKeyDown={(event) => {
          const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          step(by);
        }}
      >
        {y.ticks(2).map((tick) => (
          <g key={tick} className={styles.axis}>
            <line x1={LEFT_PX} x2={widthPx - RIGHT_PX} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT_PX - 8} y={y(tick) + 4} textAnchor="end">
              {formatValue(tick)}
            </text>
          </g>
        ))}
        {x.ticks(Math.max(2, Math.floor(widthPx / 150))).map((tick) => (
          <text
            key={tick.getTime()}
            className={styles.time}
            x={x(tick)}
            y={heightPx - 4}
            textAnchor="middle"
          >
            {formatTime(tick.getTime())}
          </text>
        ))}
        {markers
          .filter((marker) => marker.atMs >= fromMs && marker.atMs < toMs)
          .map((marker) => (
            <g key={`${marker.atMs} ${marker.text}`} className={styles.marker}>
              <line x1={x(marker.atMs)} x2={x(marker.atMs)} y1={TOP_PX} y2={heightPx - BOTTOM_PX} />
              <text
                x={x(marker.atMs) + (x(marker.atMs) > widthPx / 2 ? -6 : 6)}
                y={TOP_PX + 10}
                textAnchor={x(marker.atMs) > widthPx / 2 ? "end" : "start"}
              >
                {marker.text}
              </text>
            </g>
          ))}
        {series.map((one) => {
          const last = one.points.findLast((point) => point.value !== undefined);
          return (
            <g key={one.name} fill="none" strokeLinejoin="round" {...STROKES[one.role]}>
              <path d={path(one.points) ?? ""} />
              {one.role === "canary" && last?.value !== undefined && (
                <circle
                  cx={x(last.atMs)}
                  cy={y(last.value)}
                  r={4}
                  fill="var(--accent)"
                  stroke="none"
                />
              )}
            </g>
          );
        })}
        {readAtMs !== undefined && (
          <line
            className={styles.cursor}
            x1={x(readAtMs)}
            x2={x(readAtMs)}
            y1={TOP_PX}
            y2={heightPx - BOTTOM_PX}
          />
        )}
      </svg>
      {readAtMs !== undefined && (
        <div
          className={styles.reading}
          style={{
            left: x(readAtMs),
            transform:
              x(readAtMs) > widthPx / 2 ? "translateX(calc(-100% - 8px))" : "translateX(8px)",
          }}
        >
          <span>{formatTime(readAtMs)}</span>
          {reading.map((one) => (
            <span key={one.name}>
              {one.name} <b>{one.value === undefined ? "no data" : formatValue(one.value)}</b>
            </span>
          ))}
        </div>
      )}
    </div>
  );
}

function describe(series: LineSeries, formatValue: (value: number) => string): string {
  const values = series.points.flatMap((point) => point.value ?? []);
  const last = values.at(-1);
  if (last === undefined) return `${series.name} no data`;
  const least = formatValue(Math.min(...values));
  const most = formatValue(Math.max(...values));
  return `${series.name} now ${formatValue(last)}, between ${least} and ${most}`;
}
