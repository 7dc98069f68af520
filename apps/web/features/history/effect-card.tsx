"use client";

import {
  type EffectPoint,
  type EffectSide,
  type EffectSignal,
  type EffectVerdict,
  RevisionEffect,
  type ServiceEffect,
} from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { apiPath, getJson } from "../../lib/api-client.ts";
import { ApiError } from "../../lib/api-error.ts";
import {
  formatCount,
  formatCounted,
  formatNumber,
  formatPercentNumber,
  UNIT_SPACE,
} from "../../lib/numbers.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { formatDuration, formatMinute, formatWindow } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { useElementSize } from "../../ui/element-size.ts";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Select } from "../../ui/select.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { Sparkline } from "../../ui/sparkline.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import styles from "./effect-card.module.css";
import { VERDICTS } from "./effect-words.ts";

/** The golden signals of what the revision touched, in the minutes before it and after, as the server judged them. */
export function EffectCard({
  revision,
  isKnown,
}: {
  readonly revision: number;
  /** The server has judged it, or will. */
  readonly isKnown: boolean;
}) {
  const effect = useQuery({
    queryKey: queryKeys.effect(revision),
    queryFn: ({ signal }) => findEffect(revision, signal),
    enabled: isKnown,
    refetchInterval: ({ state }) => {
      if (state.data === null) return 3000;
      return state.data?.isFinal === false ? 10_000 : false;
    },
  });
  const [chosen, setChosen] = useState<string>();
  if (!isKnown) {
    return (
      <Card title="Effect">
        <EmptyState>
          No effect is known. A revision is judged from the traffic of the minutes around it, while
          that is kept.
        </EmptyState>
      </Card>
    );
  }
  if (effect.data === undefined) {
    return (
      <Card title="Effect">
        {effect.isError ? (
          <ErrorPart
            title="The effect is missing"
            detail={effect.error.message}
            onRetry={() => void effect.refetch()}
          />
        ) : (
          <Skeleton heightPx={112} />
        )}
      </Card>
    );
  }
  const { data } = effect;
  if (data === null) {
    return (
      <Card title="Effect">
        <EmptyState>Too early to say. The first look comes within seconds.</EmptyState>
      </Card>
    );
  }
  const wanted = chosen ?? data.because?.service;
  const service = data.services.find((one) => one.service === wanted) ?? data.services[0];
  return (
    <Card
      title="Effect"
      caption={service === undefined ? spanWords(data) : `${service.service}, ${spanWords(data)}`}
      actions={
        service !== undefined && (
          <>
            <GraphLinks service={service.service} effect={data} />
            {data.services.length > 1 && (
              <Select
                label="Service"
                choices={data.services.map((one) => ({ value: one.service, label: one.service }))}
                value={service.service}
                onChange={setChosen}
              />
            )}
          </>
        )
      }
    >
      {isEmpty(data.after) && !data.isFinal ? (
        <EmptyState>
          Too early to say: not one whole step of 10 s has passed since all proxies run it.
        </EmptyState>
      ) : service === undefined ? (
        <EmptyState>
          {data.isFinal
            ? "Nothing it touches had any request in that time."
            : "Nothing it touches has had a request yet."}
        </EmptyState>
      ) : (
        <ServiceTiles service={service} effect={data} />
      )}
      <p className={styles.words}>
        {otherWords(data)}
        {data.previousRevision !== undefined && (
          <>
            {" "}
            The minutes before begin after{" "}
            <Link href={`/history/${data.previousRevision}`}>{data.previousRevision}</Link>.
          </>
        )}
        {data.nextRevision !== undefined && (
          <>
            {" "}
            The minutes after end with{" "}
            <Link href={`/history/${data.nextRevision}`}>{data.nextRevision}</Link>.
          </>
        )}
      </p>
    </Card>
  );
}

/** The same mesh on the graph at both moments: as the change came, and at the end of what is judged. */
function GraphLinks({
  service,
  effect: { before, after },
}: {
  readonly service: string;
  readonly effect: RevisionEffect;
}) {
  const href = (atMs: number) =>
    `/graph?sel=${encodeURIComponent(`service/${service}`)}&at=${atMs}`;
  return (
    <span className={styles.moments}>
      On the graph: <Link href={href(before.toMs)}>before</Link>
      {!isEmpty(after) && (
        <>
          , <Link href={href(after.toMs)}>after</Link>
        </>
      )}
    </span>
  );
}

/** `null`: it has not been judged yet. */
async function findEffect(revision: number, signal: AbortSignal): Promise<RevisionEffect | null> {
  try {
    return await getJson(
      apiPath(["revisions", String(revision), "effect"]),
      RevisionEffect,
      signal,
    );
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

function ServiceTiles({
  service,
  effect,
}: {
  readonly service: ServiceEffect;
  readonly effect: RevisionEffect;
}) {
  const range = {
    fromMs: effect.before.fromMs,
    atMs: effect.before.toMs,
    toMs: Math.max(effect.after.toMs, effect.after.fromMs + 10_000),
  };
  return (
    <>
      <div className={styles.tiles}>
        {TILES.map((tile) => (
          <EffectTile
            key={tile.name}
            tile={tile}
            service={service}
            range={range}
            revision={effect.revision}
          />
        ))}
      </div>
      <p className={styles.words}>{requestWords(service, effect)}</p>
    </>
  );
}

/** Why there is nothing to compare with, where there is not: a mesh's or a service's first minutes. */
function requestWords({ before, after }: ServiceEffect, { before: span }: RevisionEffect): string {
  const since = `${formatCounted(after.requests, "request")} after`;
  if (before.requests > 0) return `${formatCounted(before.requests, "request")} before, ${since}.`;
  return isEmpty(span)
    ? `No time of its own before it, so nothing to compare with; ${since}.`
    : `Nobody called it before, so there is nothing to compare with; ${since}.`;
}

function isEmpty({ fromMs, toMs }: RevisionEffect["before"]): boolean {
  return toMs <= fromMs;
}

type Tile = {
  readonly name: string;
  readonly unit: string;
  /** The rate is told, not judged: more or fewer requests are neither good nor bad. */
  readonly signal: EffectSignal | undefined;
  readonly of: (side: EffectSide | EffectPoint) => number | undefined;
  readonly format: (value: number) => string;
};

const milliseconds = (value: number): string =>
  formatDuration(value).replace(`${UNIT_SPACE}ms`, "");

const TILES: readonly Tile[] = [
  {
    name: "Error share",
    unit: "%",
    signal: "errorRatio",
    of: ({ errorRatio }) => errorRatio,
    format: formatPercentNumber,
  },
  {
    name: "Rate",
    unit: "rps",
    signal: undefined,
    of: (side) => side.requestsPerSecond,
    format: formatNumber,
  },
  {
    name: "mTLS",
    unit: "%",
    signal: "mtlsRatio",
    of: ({ mtlsRatio }) => mtlsRatio,
    format: formatPercentNumber,
  },
  { name: "p50", unit: "ms", signal: "p50Ms", of: ({ p50Ms }) => p50Ms, format: milliseconds },
  { name: "p95", unit: "ms", signal: "p95Ms", of: ({ p95Ms }) => p95Ms, format: milliseconds },
  { name: "p99", unit: "ms", signal: "p99Ms", of: ({ p99Ms }) => p99Ms, format: milliseconds },
];

function EffectTile({
  tile,
  service,
  range,
  revision,
}: {
  readonly tile: Tile;
  readonly service: ServiceEffect;
  readonly range: { readonly fromMs: number; readonly atMs: number; readonly toMs: number };
  readonly revision: number;
}) {
  const [box, size] = useElementSize<HTMLDivElement>();
  const verdict = verdictOf(service, tile.signal);
  const { status, tone, words } = VERDICTS[verdict ?? "no-change"];
  const isFirst = service.before.requests === 0;
  const place = (range.atMs - range.fromMs) / (range.toMs - range.fromMs);
  const spark = [
    { atMs: range.fromMs, value: undefined },
    ...service.points.map((point) => ({ atMs: point.startMs, value: tile.of(point) })),
    { atMs: range.toMs, value: undefined },
  ];
  const [before, after] = [tile.of(service.before), tile.of(service.after)];
  const figure = (value: number | undefined): string =>
    value === undefined ? "no data" : tile.format(value);
  const hasUnit = after !== undefined && !tile.format(after).includes(UNIT_SPACE);
  return (
    <section className={styles.tile} aria-label={tile.name}>
      <p className={styles.head}>
        {tile.name}
        {verdict !== undefined && !isFirst && (
          <span className={styles.verdict} data-tone={tone}>
            <StatusGlyph status={status} isBesideWord /> {words}
          </span>
        )}
      </p>
      <p className={styles.figures}>
        {!isFirst && (
          <>
            <span>{figure(before)}</span> <span aria-label="to">→</span>{" "}
          </>
        )}
        <b data-tone={tone === "bad" ? "bad" : undefined}>{figure(after)}</b>{" "}
        {hasUnit && <span className={styles.unit}>{tile.unit}</span>}
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
        <span>{place > 0.2 && formatMinute(range.fromMs)}</span>
        <span className={styles.at} style={{ left: `${(place * 100).toFixed(1)}%` }}>
          {revision}
        </span>
        {place < 0.8 && <span>{formatMinute(range.toMs)}</span>}
      </p>
    </section>
  );
}

function verdictOf(
  service: ServiceEffect,
  signal: EffectSignal | undefined,
): EffectVerdict | undefined {
  return service.signals.find((one) => one.signal === signal)?.verdict;
}

function otherWords({ isFinal, services, servicesTotal, after }: RevisionEffect): string {
  const state =
    isFinal || isEmpty(after)
      ? ""
      : `Judged so far by the ${stepsLength(after)} since; it goes on until six minutes have passed. `;
  const more = servicesTotal - services.length;
  return more > 0
    ? `${state}${formatCount(more)} quieter services are judged too and not shown.`
    : state.trim();
}

/** `40 s`, `1 min 20 s`: whole steps of 10 s, so without a decimal. */
function stepsLength({ fromMs, toMs }: RevisionEffect["after"]): string {
  const lengthMs = toMs - fromMs;
  return lengthMs < 60_000 ? formatWindow(lengthMs) : formatDuration(lengthMs);
}

function spanWords({ before, after, isFinal }: RevisionEffect): string {
  if (isEmpty(after)) return isFinal ? "no time of its own after it" : "too early to say";
  const past = isEmpty(before) ? "" : `${stepsLength(before)} before and `;
  return `${past}${stepsLength(after)} after${isFinal ? "" : " so far"}`;
}
