"use client";
import type { GraphSnapshot } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { scaleLinear, scaleUtc } from "d3-scale";
import { area, line } from "d3-shape";
import { formatCounted, formatRate, formatShare } from "../../lib/numbers.ts";
import { formatClock, formatMinute, formatWindow } from "../../lib/times.ts";
import { useNowMs } from "../../ui/clock.ts";
import { useElementSize } from "../../ui/element-size.ts";
import { ErrorPart } from "../../ui/error-part.tsx";
import { recentRevisionsQuery } from "../shell/recent-revisions.ts";
import { ChangeMarkers } from "./change-markers.tsx";
import { TIMELINE_MS, timelineQuery } from "./graph-queries.ts";
import styles from "./time-strip.module.css";

const LEFT_PX = 152;
const RIGHT_PX = 132;
const CHART_TOP_PX = 34;
const AXIS_PX = 68;

/** The last hour of all that enters the mesh: rate in grey, failures in red, changes above them. */
export function TimeStrip({ snapshot }: { readonly snapshot: GraphSnapshot }) {
  const [box, size] = useElementSize<HTMLElement>();
  const nowMs = useNowMs();
  const timeline = useQuery(timelineQuery);
  const { data: history } = useQuery(recentRevisionsQuery);
  const toMs = timeline.data?.toMs ?? nowMs ?? 0;
  const fromMs = toMs - TIMELINE_MS;
  const points = timeline.data?.points ?? [];
  const widthPx = size?.widthPx ?? 0;
  const x = scaleUtc()
    .domain([fromMs, toMs])
    .range([LEFT_PX, Math.max(widthPx - RIGHT_PX, LEFT_PX + 1)]);
  const changes = (history?.revisions ?? []).filter((one) => one.createdAtMs >= fromMs);
  const { totals, windowMs } = snapshot;
  return (
    <section ref={box} className={styles.strip} aria-label="The last hour">
      {timeline.isError && timeline.data === undefined && (
        <div className={styles.fault}>
          <ErrorPart
            title="The last hour could not be read"
            detail={timeline.error.message}
            onRetry={() => void timeline.refetch()}
          />
        </div>
      )}
      <div className={styles.left}>
        <b>Last hour</b>
        <span>{formatCounted(changes.length, "change")}</span>
        <span>rate, failures</span>
      </div>
      {widthPx > 0 && <Chart points={points} x={x} widthPx={widthPx} />}
      {widthPx > 0 && nowMs !== undefined && (
        <ChangeMarkers
          changes={changes}
          points={points}
          toX={(atMs) => x(atMs)}
          nowMs={nowMs}
          topPx={6}
          heightPx={AXIS_PX - 6}
        />
      )}
      <div className={styles.right}>
        <b>{nowMs !== undefined && formatClock(nowMs)}</b>
        <span title={`All that enters the mesh: rate and error share, ${formatWindow(windowMs)}`}>
          {formatRate(totals.requestsPerSecond)} · {formatShare(totals.errorRatio)}
        </span>
      </div>
    </section>
  );
}

type TimelinePoint = {
  readonly startMs: number;
  readonly requestsPerSecond: number;
  readonly errorRatio?: number | undefined;
  readonly errors: number;
  readonly requests: number;
};

/** From this error share on a red bar is as high as the chart. */
const FULL_BAR_RATIO = 0.1;

function Chart({
  points,
  x,
  widthPx,
}: {
  readonly points: readonly TimelinePoint[];
  readonly x: ReturnType<typeof scaleUtc<number>>;
  readonly widthPx: number;
}) {
  const most = Math.max(...points.map((point) => point.requestsPerSecond), 0);
  const y = scaleLinear()
    .domain([0, most * 1.25 || 1])
    .range([AXIS_PX, CHART_TOP_PX]);
  const toX = (point: TimelinePoint) => x(point.startMs);
  const toY = (point: TimelinePoint) => y(point.requestsPerSecond);
  const failures = points.filter((point) => point.errors > 0);
  return (
    <svg
      className={styles.chart}
      width={widthPx}
      height={92}
      role="img"
      aria-label={`Rate up to ${formatRate(most)}; failures in ${failures.length} of ${points.length} half minutes`}
    >
      <path className={styles.area} d={area<TimelinePoint>(toX, AXIS_PX, toY)([...points]) ?? ""} />
      <path className={styles.line} d={line<TimelinePoint>(toX, toY)([...points]) ?? ""} />
      <line
        className={styles.axis}
        x1={LEFT_PX}
        x2={widthPx - RIGHT_PX}
        y1={AXIS_PX}
        y2={AXIS_PX}
      />
      {failures.map((point) => {
        const share = Math.min((point.errorRatio ?? 0) / FULL_BAR_RATIO, 1);
        const heightPx = 2 + share * (AXIS_PX - CHART_TOP_PX - 8);
        return (
          <rect
            key={point.startMs}
            className={styles.failure}
            x={toX(point) - 1.5}
            y={AXIS_PX - heightPx}
            width={3}
            height={heightPx}
          />
        );
      })}
      {x.ticks(Math.max(2, Math.min(7, Math.floor(widthPx / 140)))).map((tick) => (
        <text key={tick.getTime()} className={styles.time} x={x(tick)} y={84} textAnchor="middle">
          {formatMinute(tick.getTime())}
        </text>
      ))}
    </svg>
  );
}
