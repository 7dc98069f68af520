"use client";

import type { RevisionDetail, SeriesPoint } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { formatCount, formatNumber, formatPercentNumber, UNIT_SPACE } from "../../lib/numbers.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { fetchNodeSeries } from "../../lib/queries/use-node-series.ts";
import { formatDuration, formatMinute } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { useElementSize } from "../../ui/element-size.ts";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Select } from "../../ui/select.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { Sparkline } from "../../ui/sparkline.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { errorVerdict, latencyVerdict, type Period, periodOf, type Verdict } from "./effect.ts";
import styles from "./effect-card.module.css";

const SIDE_MS = 360_000;
const STEP_MS = 10_000;

/** The golden signals of a service the revision shaped, in the minutes before it and after. */
export function EffectCard({
  detail,
  nowMs,
}: {
  readonly detail: RevisionDetail;
  readonly nowMs: number;
}) {
  const [chosen, setChosen] = useState<string>();
  const service = chosen ?? likeliestService(detail);
  if (service === undefined) return null;
  return (
    <Card
      title="Effect"
      caption={`${service}, ${spanWords(detail.createdAtMs, nowMs)}`}
      actions={
        detail.services.length > 1 && (
          <Select
            label="Service"
            choices={detail.services.map((value) => ({ value, label: value }))}
            value={service}
            onChange={setChosen}
          />
        )
      }
    >
      <ServiceEffect service={service} atMs={detail.createdAtMs} revision={detail.revision} />
    </Card>
  );
}

/** The first service a rule shapes; an address that only got a name shows no effect of its own. */
function likeliestService({ services, resources }: RevisionDetail): string | undefined {
  const named = resources.filter((one) => one.kind === "WorkloadEntry");
  const entries = new Set(named.map(({ namespace, name }) => `${namespace}/${name}`));
  return services.find((service) => !entries.has(service)) ?? services[0];
}

function ServiceEffect({
  service,
  atMs,
  revision,
}: {
  readonly service: string;
  readonly atMs: number;
  readonly revision: number;
}) {
  const nodeId = `service/${service}`;
  const series = useQuery({
    queryKey: queryKeys.effect(nodeId, atMs),
    queryFn: async ({ signal }) => {
      const toMs = Math.min(atMs + SIDE_MS, Date.now());
      const span = { fromMs: atMs - SIDE_MS, toMs, stepMs: STEP_MS };
      const { points } = await fetchNodeSeries(nodeId, span, signal);
      return { points, toMs };
    },
    // The minutes after a fresh revision are still being lived.
    refetchInterval: ({ state }) =>
      state.data !== undefined && state.data.toMs < atMs + SIDE_MS ? 10_000 : false,
  });
  if (series.data === undefined) {
    return series.isError ? (
      <ErrorPart
        title="The figures are missing"
        detail={series.error.message}
        onRetry={() => void series.refetch()}
      />
    ) : (
      <Skeleton heightPx={112} />
    );
  }
  const { points, toMs } = series.data;
  const before = periodOf(points, atMs - SIDE_MS, atMs);
  const after = periodOf(points, atMs, toMs);
  const tiles = tilesOf(before, after);
  return (
    <>
      <div className={styles.tiles}>
        {tiles.map((tile) => (
          <EffectTile
            key={tile.name}
            tile={tile}
            points={points}
            range={{ fromMs: atMs - SIDE_MS, atMs, toMs }}
            revision={revision}
          />
        ))}
      </div>
      <p className={styles.words}>
        {formatCount(before.requests)} requests before, {formatCount(after.requests)} after.{" "}
        {Math.min(before.requests, after.requests) < 20 &&
          "That is too little traffic to tell a difference."}
      </p>
    </>
  );
}

interface Tile {
  readonly name: string;
  readonly unit: string;
  readonly before: number | undefined;
  readonly after: number | undefined;
  readonly format: (value: number) => string;
  readonly verdict: Verdict;
  readonly of: (point: SeriesPoint) => number | undefined;
}

function tilesOf(before: Period, after: Period): Tile[] {
  const milliseconds = (value: number): string =>
    value >= 999.5 ? formatDuration(value) : formatDuration(value).replace(`${UNIT_SPACE}ms`, "");
  return [
    {
      name: "Error share",
      unit: "%",
      before: before.errorRatio,
      after: after.errorRatio,
      format: formatPercentNumber,
      verdict: errorVerdict(before, after),
      of: (point) => point.errorRatio,
    },
    {
      name: "p99",
      unit: "ms",
      before: before.p99Ms,
      after: after.p99Ms,
      format: milliseconds,
      verdict: latencyVerdict(before, after, (period) => period.p99Ms),
      of: (point) => point.p99Ms,
    },
    {
      name: "p50",
      unit: "ms",
      before: before.p50Ms,
      after: after.p50Ms,
      format: milliseconds,
      verdict: latencyVerdict(before, after, (period) => period.p50Ms),
      of: (point) => point.p50Ms,
    },
    {
      name: "Rate",
      unit: "rps",
      before: before.requests === 0 ? undefined : before.requestsPerSecond,
      after: after.requests === 0 ? undefined : after.requestsPerSecond,
      format: formatNumber,
      verdict: rateVerdict(before, after),
      of: (point) => point.requestsPerSecond,
    },
  ];
}

/** More or fewer requests are neither good nor bad; the tile only says whether they moved. */
function rateVerdict(before: Period, after: Period): Verdict {
  return Math.min(before.requests, after.requests) < 20 ? "too little" : "as before";
}

const VERDICTS = {
  worse: { status: "failing", tone: "bad", words: "worse" },
  better: { status: "healthy", tone: "ok", words: "better" },
  "as before": { status: "healthy", tone: "idle", words: "as before" },
  "too little": { status: "unknown", tone: "idle", words: "too little traffic" },
} as const;

function EffectTile({
  tile,
  points,
  range,
  revision,
}: {
  readonly tile: Tile;
  readonly points: readonly SeriesPoint[];
  readonly range: { readonly fromMs: number; readonly atMs: number; readonly toMs: number };
  readonly revision: number;
}) {
  const [box, size] = useElementSize<HTMLDivElement>();
  const { status, tone, words } = VERDICTS[tile.verdict];
  const place = (range.atMs - range.fromMs) / (range.toMs - range.fromMs);
  const spark = [
    { atMs: range.fromMs, value: undefined },
    ...points.map((point) => ({ atMs: point.startMs, value: tile.of(point) })),
    { atMs: range.toMs, value: undefined },
  ];
  const figure = (value: number | undefined): string =>
    value === undefined ? "no data" : tile.format(value);
  return (
    <section className={styles.tile} aria-label={tile.name}>
      <p className={styles.head}>
        {tile.name}
        {tile.name === "Rate" && tile.verdict !== "too little" ? null : (
          <span className={styles.verdict} data-tone={tone}>
            <StatusGlyph status={status} isBesideWord /> {words}
          </span>
        )}
      </p>
      <p className={styles.figures}>
        <span>{figure(tile.before)}</span> <span aria-label="to">→</span>{" "}
        <b data-tone={tone === "bad" ? "bad" : undefined}>{figure(tile.after)}</b>{" "}
        {tile.after !== undefined && !tile.format(tile.after).includes(UNIT_SPACE + "s") && (
          <span className={styles.unit}>{tile.unit}</span>
        )}
      </p>
      <div ref={box} className={styles.spark}>
        <Sparkline
          points={spark}
          label={`${tile.name} from ${formatMinute(range.fromMs)} to ${formatMinute(range.toMs)}`}
          tone={tone === "bad" ? "bad" : "idle"}
          widthPx={size?.widthPx ?? 200}
          heightPx={40}
        />
        <span className={styles.moment} style={{ left: `${(place * 100).toFixed(1)}%` }} />
      </div>
      <p className={styles.axis}>
        <span>{formatMinute(range.fromMs)}</span>
        <span className={styles.at} style={{ left: `${(place * 100).toFixed(1)}%` }}>
          {revision}
        </span>
        {place < 0.8 && <span>{formatMinute(range.toMs)}</span>}
      </p>
    </section>
  );
}

function spanWords(atMs: number, nowMs: number): string {
  const afterMs = Math.min(SIDE_MS, Math.max(0, nowMs - atMs));
  return `${formatDuration(SIDE_MS)} before and ${formatDuration(Math.max(1000, Math.floor(afterMs / 1000) * 1000))} after`;
}
