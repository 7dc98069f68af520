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

/** A moment worth a dashed line: a revision, the first error. `text` is a word or two; what has no room is left out. */
export type LineMarker = { readonly atMs: number; readonly text: string };

const STROKES = {
  stable: { stroke: "var(--idle-thread)", strokeWidth: 1.75 },
  canary: { stroke: "var(--accent)", strokeWidth: 2.25 },
  tcp: { stroke: "var(--tcp-thread)", strokeWidth: 1.75, strokeDasharray: "6 3" },
  ok: { stroke: "var(--ok-thread)", strokeWidth: 1.75, strokeDasharray: "2 2" },
  warn: { stroke: "var(--warn-thread)", strokeWidth: 1.75, strokeDasharray: "8 3 2 3" },
} as const;

const LEAST_LEFT_PX = 44;
const RIGHT_PX = 10;
const TOP_PX = 8;
const BOTTOM_PX = 20;
/** Markers speak in a lane of their own above the drawing. */
const MARKER_LANE_PX = 14;
/** About what a character of the axis takes at 11 px. */
const CHARACTER_PX = 6.2;

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
  const shownMarkers = markers.filter((one) => one.atMs >= fromMs && one.atMs < toMs);
  const topPx = TOP_PX + (shownMarkers.length > 0 ? MARKER_LANE_PX : 0);
  const y = scaleLinear()
    .domain([0, Math.max(...values, 0) || 1])
    .nice(2)
    .range([heightPx - BOTTOM_PX, topPx]);
  const yTicks = y.ticks(2).map((at) => ({ at, text: formatValue(at) }));
  const leftPx = Math.max(LEAST_LEFT_PX, ...yTicks.map(({ text }) => 10 + textWidthPx(text)));
  const x = scaleUtc()
    .domain([fromMs, toMs])
    .range([leftPx, widthPx - RIGHT_PX]);
  const xTicks = x
    .ticks(Math.max(2, Math.floor(widthPx / 150)))
    .map((at) => ({ atPx: x(at), text: formatTime(at.getTime()) }))
    .filter(({ atPx, text }) => atPx + textWidthPx(text) / 2 <= widthPx);
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
        {yTicks.map(({ at, text }) => (
          <g key={at} className={styles.axis}>
            <line x1={leftPx} x2={widthPx - RIGHT_PX} y1={y(at)} y2={y(at)} />
            <text x={leftPx - 8} y={y(at) + 4} textAnchor="end">
              {text}
            </text>
          </g>
        ))}
        {xTicks.map(({ atPx, text }) => (
          <text key={atPx} className={styles.time} x={atPx} y={heightPx - 4} textAnchor="middle">
            {text}
          </text>
        ))}
        {placedMarkers(shownMarkers, (atMs) => x(atMs), leftPx, widthPx).map((marker) => (
          <g key={`${marker.atMs} ${marker.text}`} className={styles.marker}>
            <line x1={marker.atPx} x2={marker.atPx} y1={TOP_PX} y2={heightPx - BOTTOM_PX} />
            {marker.textFromPx !== undefined && (
              <text x={marker.textFromPx} y={TOP_PX + 6}>
                {marker.text}
              </text>
            )}
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
            y1={topPx}
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

function textWidthPx(text: string): number {
  return text.length * CHARACTER_PX;
}

/** Each text stands at its line, on the side with room; of texts that would touch the newest stays. */
function placedMarkers(
  markers: readonly LineMarker[],
  toX: (atMs: number) => number,
  leftPx: number,
  widthPx: number,
) {
  const taken: { readonly fromPx: number; readonly toPx: number }[] = [];
  return markers
    .toSorted((a, b) => b.atMs - a.atMs)
    .map((marker) => {
      const atPx = toX(marker.atMs);
      const lengthPx = textWidthPx(marker.text);
      const fits = (fromPx: number) =>
        fromPx >= leftPx &&
        fromPx + lengthPx <= widthPx &&
        taken.every((one) => fromPx + lengthPx + 6 < one.fromPx || fromPx > one.toPx + 6);
      const textFromPx = [atPx + 4, atPx - 4 - lengthPx].find(fits);
      if (textFromPx !== undefined) {
        taken.push({ fromPx: textFromPx, toPx: textFromPx + lengthPx });
      }
      return { ...marker, atPx, textFromPx };
    });
}

function describe(series: LineSeries, formatValue: (value: number) => string): string {
  const values = series.points.flatMap((point) => point.value ?? []);
  const last = values.at(-1);
  if (last === undefined) return `${series.name} no data`;
  const least = formatValue(Math.min(...values));
  const most = formatValue(Math.max(...values));
  return `${series.name} now ${formatValue(last)}, between ${least} and ${most}`;
}
