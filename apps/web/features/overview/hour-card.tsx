"use client";

import type { RevisionSummary, SeriesPoint } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { scaleLinear, scaleUtc } from "d3-scale";
import { area, line } from "d3-shape";
import Link from "next/link";
import { formatRate, formatShare } from "../../lib/numbers.ts";
import { formatMinute } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { useElementSize } from "../../ui/element-size.ts";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { ChangeMarkers } from "../graph/change-markers.tsx";
import { TIMELINE_MS, timelineQuery } from "../graph/graph-queries.ts";
import styles from "./hour-card.module.css";

const HEIGHT_PX = 148;
const CHART_TOP_PX = 50;
const AXIS_PX = 124;
const SIDE_PX = 16;
/** The error axis reaches at least this far, so that a small wobble stays small. */
const LEAST_TOP_RATIO = 0.02;

/** Requests in grey and errors in red over the last hour, with every change above the moment it was made. */
export function HourCard({
  revisions,
  nowMs,
}: {
  /** Newest first; absent: not known (yet). */
  readonly revisions: readonly RevisionSummary[] | undefined;
  readonly nowMs: number;
}) {
  const [box, size] = useElementSize<HTMLDivElement>();
  const timeline = useQuery(timelineQuery);
  const { data } = timeline;
  const toMs = data?.toMs ?? nowMs;
  const fromMs = toMs - TIMELINE_MS;
  const widthPx = size?.widthPx ?? 0;
  const x = scaleUtc()
    .domain([fromMs, toMs])
    .range([SIDE_PX, Math.max(widthPx - SIDE_PX, SIDE_PX + 1)]);
  return (
    <Card
      title="Requests and errors, with changes"
      caption="1 h, entering the mesh"
      actions={<Link href="/graph">Open on the graph</Link>}
      isFlush
    >
      {timeline.isError && (
        <ErrorPart
          title="The last hour could not be read"
          detail={timeline.error.message}
          onRetry={() => void timeline.refetch()}
        />
      )}
      {timeline.isPending && <Skeleton heightPx={HEIGHT_PX} />}
      {data?.points.length === 0 ? (
        <EmptyState>No request has entered the mesh in the last hour.</EmptyState>
      ) : (
        <div ref={box} className={styles.box} hidden={data === undefined}>
          {data !== undefined && widthPx > 0 && (
            <Drawing points={data.points} x={x} widthPx={widthPx} />
          )}
          {data !== undefined && widthPx > 0 && (
            <ChangeMarkers
              changes={(revisions ?? []).filter((one) => one.createdAtMs >= fromMs)}
              points={data.points}
              stepMs={data.stepMs}
              toX={(atMs) => x(atMs)}
              nowMs={nowMs}
              topPx={6}
              heightPx={AXIS_PX - 6}
            />
          )}
        </div>
      )}
    </Card>
  );
}

function Drawing({
  points,
  x,
  widthPx,
}: {
  readonly points: readonly SeriesPoint[];
  readonly x: ReturnType<typeof scaleUtc<number>>;
  readonly widthPx: number;
}) {
  const most = Math.max(...points.map((point) => point.requestsPerSecond), 0);
  const worst = Math.max(...points.map((point) => point.errorRatio ?? 0), 0);
  const rates = scaleLinear()
    .domain([0, most * 1.2 || 1])
    .range([AXIS_PX, CHART_TOP_PX]);
  const errors = scaleLinear()
    .domain([0, Math.max(worst, LEAST_TOP_RATIO) * 1.4])
    .range([AXIS_PX, CHART_TOP_PX]);
  const toX = (point: SeriesPoint) => x(point.startMs);
  const toRate = (point: SeriesPoint) => rates(point.requestsPerSecond);
  const toError = (point: SeriesPoint) => errors(point.errorRatio ?? 0);
  const all = [...points];
  const ticks = x.ticks(Math.max(2, Math.min(7, Math.floor(widthPx / 110))));
  return (
    <svg
      className={styles.chart}
      width={widthPx}
      height={HEIGHT_PX}
      role="img"
      aria-label={`Rate up to ${formatRate(most)}, errors up to ${formatShare(worst)}`}
    >
      <path className={styles.rateArea} d={area<SeriesPoint>(toX, AXIS_PX, toRate)(all) ?? ""} />
      <path className={styles.rate} d={line<SeriesPoint>(toX, toRate)(all) ?? ""} />
      <path className={styles.errorArea} d={area<SeriesPoint>(toX, AXIS_PX, toError)(all) ?? ""} />
      <path className={styles.error} d={line<SeriesPoint>(toX, toError)(all) ?? ""} />
      <line className={styles.axis} x1={SIDE_PX} x2={widthPx - SIDE_PX} y1={AXIS_PX} y2={AXIS_PX} />
      <text className={styles.most} x={SIDE_PX} y={CHART_TOP_PX - 4}>
        {formatRate(most)} at most
      </text>
      <text
        className={worst === 0 ? styles.most : styles.worst}
        x={widthPx - SIDE_PX}
        y={CHART_TOP_PX - 4}
        textAnchor="end"
      >
        {worst === 0 ? "no errors" : `${formatShare(worst)} errors at most`}
      </text>
      {ticks.map((tick) => (
        <text
          key={tick.getTime()}
          className={styles.time}
          x={Math.min(Math.max(x(tick), SIDE_PX + 14), widthPx - SIDE_PX - 14)}
          y={AXIS_PX + 16}
          textAnchor="middle"
        >
          {formatMinute(tick.getTime())}
        </text>
      ))}
    </svg>
  );
}
