"use client";

import type { Canary, RevisionSummary, SeriesPoint } from "@heddle/contracts";
import { formatNumber, formatShare, UNIT_SPACE } from "../../lib/numbers.ts";
import { useNodeSeries } from "../../lib/queries/use-node-series.ts";
import { formatClock, formatDuration, formatMinute } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { LineChart, type LineMarker, type LineSeries } from "../../ui/line-chart.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { type SideSignals, workloadNodeId } from "./canary-signals.ts";
import styles from "./compare-card.module.css";

export const SPANS = [
  { value: "300", label: "5\u00a0min" },
  { value: "900", label: "15\u00a0min" },
  { value: "3600", label: "1\u00a0h" },
] as const;
export type SpanSeconds = (typeof SPANS)[number]["value"];

interface Sides {
  readonly stable: SideSignals;
  readonly canary: SideSignals;
}

/** Error share, p99 and rate of both versions, each pair on one axis, with the changes of the split marked. */
export function CompareCard({
  canary,
  sides,
  revisions,
  span,
  onSpan,
}: {
  readonly canary: Canary;
  readonly sides: Sides | undefined;
  readonly revisions: readonly RevisionSummary[];
  readonly span: SpanSeconds;
  readonly onSpan: (span: SpanSeconds) => void;
}) {
  const spanMs = Number(span) * 1000;
  const stable = useNodeSeries(canary.stable.workloads.map(workloadNodeId), spanMs);
  const judged = useNodeSeries(canary.canary.workloads.map(workloadNodeId), spanMs);
  const failed = [stable, judged].find((query) => query.isError && query.data === undefined);
  return (
    <Card
      title="Errors and latency, both versions"
      actions={<Segmented label="Time shown" choices={SPANS} value={span} onChange={onSpan} />}
    >
      {failed !== undefined ? (
        <ErrorPart
          title="The series are missing"
          detail={failed.error?.message}
          onRetry={() => void failed.refetch()}
        />
      ) : stable.data === undefined || judged.data === undefined ? (
        <Skeleton heightPx={3 * 138} />
      ) : (
        <div className={styles.charts}>
          {CHARTS.map((chart) => (
            <VersionChart
              key={chart.name}
              chart={chart}
              canary={canary}
              sides={sides}
              series={{ stable: stable.data.points, canary: judged.data.points }}
              range={{
                fromMs: judged.data.fromMs,
                toMs: judged.data.toMs,
                stepMs: judged.data.stepMs,
              }}
              markers={markersOf(canary, revisions)}
            />
          ))}
        </div>
      )}
    </Card>
  );
}

interface Chart {
  readonly name: string;
  readonly value: (point: SeriesPoint) => number | undefined;
  readonly now: (signals: SideSignals) => number | undefined;
  readonly format: (value: number) => string;
  /** A step that is not over yet would show as a fall: rates wait for its end. */
  readonly wantsWholeSteps: boolean;
}

const CHARTS: readonly Chart[] = [
  {
    name: "Error share",
    value: (point) => point.errorRatio,
    now: (signals) => signals.errorRatio,
    format: formatShare,
    wantsWholeSteps: false,
  },
  {
    name: "p99",
    value: (point) => point.p99Ms,
    now: (signals) => signals.p99Ms,
    format: formatDuration,
    wantsWholeSteps: false,
  },
  {
    name: "Rate, rps",
    value: (point) => point.requestsPerSecond,
    now: (signals) => signals.requestsPerSecond,
    format: formatNumber,
    wantsWholeSteps: true,
  },
];

function VersionChart({
  chart,
  canary,
  sides,
  series,
  range,
  markers,
}: {
  readonly chart: Chart;
  readonly canary: Canary;
  readonly sides: Sides | undefined;
  readonly series: {
    readonly stable: readonly SeriesPoint[];
    readonly canary: readonly SeriesPoint[];
  };
  readonly range: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number };
  readonly markers: readonly LineMarker[];
}) {
  const endMs = chart.wantsWholeSteps ? range.toMs - range.stepMs : range.toMs;
  const lineOf = (role: "stable" | "canary"): LineSeries => ({
    name: canary[role].subset,
    role,
    points: withGaps(series[role], range.stepMs)
      .filter((point) => point.startMs <= endMs)
      .map((point) => ({
        atMs: point.startMs,
        value: point.value === undefined ? undefined : chart.value(point.value),
      })),
  });
  return (
    <figure className={styles.chart}>
      <figcaption>
        <span>{chart.name}</span>
        <span className={styles.now}>
          <NowFigure name={canary.stable.subset} chart={chart} signals={sides?.stable} />
          <span className={styles.canary}>
            <NowFigure name={canary.canary.subset} chart={chart} signals={sides?.canary} />
          </span>
        </span>
      </figcaption>
      <LineChart
        label={chart.name}
        series={[lineOf("stable"), lineOf("canary")]}
        fromMs={range.fromMs}
        toMs={range.toMs}
        formatValue={chart.format}
        formatTime={range.stepMs < 60_000 ? formatClock : formatMinute}
        markers={markers}
        heightPx={110}
      />
    </figure>
  );
}

function NowFigure({
  name,
  chart,
  signals,
}: {
  readonly name: string;
  readonly chart: Chart;
  readonly signals: SideSignals | undefined;
}) {
  if (signals === undefined) return null;
  const value = signals.requests === 0 ? undefined : chart.now(signals);
  return (
    <span>
      {name} <b>{value === undefined ? "no traffic" : chart.format(value)}</b>
    </span>
  );
}

/** The steps as the collector gave them, with one empty step wherever some are missing. */
function withGaps(points: readonly SeriesPoint[], stepMs: number) {
  return points.flatMap((point, index) => {
    const before = points[index - 1];
    const here = { startMs: point.startMs, value: point as SeriesPoint | undefined };
    if (before === undefined || point.startMs - before.startMs <= stepMs * 1.5) return [here];
    return [{ startMs: before.startMs + stepMs, value: undefined }, here];
  });
}

/** The last changes of the split; more would cover the lines. */
function markersOf(canary: Canary, revisions: readonly RevisionSummary[]): LineMarker[] {
  return revisions
    .filter((one) => one.kind !== "mtls")
    .slice(0, 3)
    .map((one) => ({ atMs: one.createdAtMs, text: markerText(one, canary) }));
}

/** What a marker has room for: the new split, else the revision's number. */
function markerText({ kind, summary, revision }: RevisionSummary, canary: Canary): string {
  if (kind === "rollback") return `back to ${canary.stable.subset}`;
  const share = /to ([\d.]+)\s?%$/.exec(summary)?.[1];
  return share === undefined ? `r${revision}` : `${canary.canary.subset} to ${share}${UNIT_SPACE}%`;
}
