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
import { TIMELINE_MS, timelineUntilQuery } from "./graph-queries.ts";
import { usePastMs } from "./past-moment.tsx";
import styles from "./time-strip.module.css";

const LEFT_PX = 152;
const RIGHT_PX = 132;
const CHART_TOP_PX = 34;
const AXIS_PX = 68;

/**
 * An hour of all that enters the mesh: rate in grey, failures in red, changes above them. Drag along it to see the
 * graph as it was.
 */
export function TimeStrip({
  snapshot,
  onMoment,
}: {
  readonly snapshot: GraphSnapshot;
  /** `undefined`: back to live. */
  readonly onMoment: (atMs: number | undefined) => void;
}) {
  const [box, size] = useElementSize<HTMLElement>();
  const nowMs = useNowMs();
  const pastMs = usePastMs();
  const untilMs = hourOf(pastMs, nowMs);
  const timeline = useQuery(timelineUntilQuery(untilMs));
  const { data: history } = useQuery(recentRevisionsQuery);
  const toMs = timeline.data?.toMs ?? nowMs ?? 0;
  const fromMs = toMs - TIMELINE_MS;
  const points = timeline.data?.points ?? [];
  const widthPx = size?.widthPx ?? 0;
  const x = scaleUtc()
    .domain([fromMs, toMs])
    .range([LEFT_PX, Math.max(widthPx - RIGHT_PX, LEFT_PX + 1)]);
  const changes = (history?.revisions ?? []).filter(
    ({ createdAtMs }) => createdAtMs >= fromMs && (untilMs === undefined || createdAtMs <= toMs),
  );
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
        <b>{untilMs === undefined ? "Last hour" : "That hour"}</b>
        <span>{formatCounted(changes.length, "change")}</span>
        <span>rate, failures</span>
      </div>
      {widthPx > 0 && <Chart points={points} x={x} widthPx={widthPx} />}
      {widthPx > LEFT_PX + RIGHT_PX && timeline.data !== undefined && (
        <Playhead fromMs={fromMs} toMs={toMs} pastMs={pastMs} onMoment={onMoment} />
      )}
      {pastMs !== undefined && widthPx > 0 && pastMs >= fromMs && pastMs <= toMs && (
        <span className={styles.playhead} style={{ left: x(pastMs) }} aria-hidden="true" />
      )}
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
        <b>{nowMs !== undefined && formatClock(pastMs ?? nowMs)}</b>
        <span title={`All that enters the mesh: rate and error share, ${formatWindow(windowMs)}`}>
          {formatRate(totals.requestsPerSecond)} · {formatShare(totals.errorRatio)}
        </span>
      </div>
    </section>
  );
}

const GRID_MS = TIMELINE_MS / 2;

/**
 * The end of the hour that is drawn; `undefined`: it ends now, as long as the moment lies in it. Hours of the past begin
 * on the half hour, so that the drawing stands still while the moment is dragged along it.
 */
function hourOf(pastMs: number | undefined, nowMs: number | undefined): number | undefined {
  if (pastMs === undefined || nowMs === undefined || pastMs > nowMs - TIMELINE_MS) return undefined;
  return Math.ceil((pastMs + GRID_MS / 2) / GRID_MS) * GRID_MS;
}

const SCRUB_STEP_MS = 10_000;

/** The moment that is looked at, to be dragged, clicked or moved by arrow keys; at its right end it is now. */
function Playhead({
  fromMs,
  toMs,
  pastMs,
  onMoment,
}: {
  readonly fromMs: number;
  readonly toMs: number;
  readonly pastMs: number | undefined;
  readonly onMoment: (atMs: number | undefined) => void;
}) {
  const value = pastMs ?? toMs;
  return (
    <input
      type="range"
      className={styles.scrub}
      style={{ left: LEFT_PX, right: RIGHT_PX, top: CHART_TOP_PX }}
      aria-label="The moment that is shown"
      aria-valuetext={pastMs === undefined ? "now" : formatClock(pastMs)}
      title="Drag or click to see the graph as it was"
      min={fromMs}
      max={toMs}
      step={SCRUB_STEP_MS}
      value={value}
      onChange={(event) => {
        const atMs = Number(event.target.value);
        onMoment(atMs > toMs - SCRUB_STEP_MS ? undefined : atMs);
      }}
    />
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
