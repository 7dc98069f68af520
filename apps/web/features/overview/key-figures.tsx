"use client";

import type { GraphSnapshot, SeriesPoint } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import {
  formatCounted,
  formatNumber,
  formatPercentNumber,
  formatShare,
  NO_DATA,
} from "../../lib/numbers.ts";
import { formatDuration, formatWindow } from "../../lib/times.ts";
import { classNames } from "../../ui/class-names.ts";
import { Shield } from "../../ui/shield.tsx";
import { Sparkline, type SparkTone } from "../../ui/sparkline.tsx";
import { STATUS_WORDS, type Status } from "../../ui/status.ts";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { nodeStatus } from "../graph/graph-model.ts";
import { timelineQuery } from "../graph/graph-queries.ts";
import { mtlsOfEdges, tcpByNode } from "../graph/tcp-signals.ts";
import styles from "./key-figures.module.css";

/** The share of errors the mesh's health is judged by: from here on it is degraded. */
const ERROR_OBJECTIVE_RATIO = 0.005;
/** In the order of the bar. */
const STATUSES = ["healthy", "degraded", "failing", "tcp", "idle", "unknown"] as const;

/** Five figures: nodes by health, and rate, errors, latency and encryption of what enters the mesh. */
export function KeyFigures({
  snapshot,
  isPart,
}: {
  readonly snapshot: GraphSnapshot;
  /** Only one namespace is looked at: what enters the mesh is still told of the whole mesh. */
  readonly isPart: boolean;
}) {
  const { totals, windowMs } = snapshot;
  const hour = useQuery(timelineQuery).data;
  const where = isPart ? "whole mesh" : "entering the mesh";
  const isMissed = (totals.errorRatio ?? 0) >= ERROR_OBJECTIVE_RATIO;
  return (
    <section className={styles.figures} aria-label="Key figures">
      <Nodes snapshot={snapshot} />
      <Figure
        name="Requests"
        value={formatNumber(totals.requestsPerSecond)}
        unit="rps"
        caption={`${where}, ${formatWindow(windowMs)}`}
        spark={{ hour, of: (point) => point.requestsPerSecond }}
      />
      <Figure
        name="Errors"
        value={totals.errorRatio === undefined ? undefined : formatPercentNumber(totals.errorRatio)}
        unit="%"
        caption={
          totals.requests < 1000
            ? `${totals.errors} of ${formatCounted(totals.requests, "request")}`
            : `objective ${formatShare(ERROR_OBJECTIVE_RATIO)}, ${isMissed ? "missed" : "kept"}`
        }
        spark={{
          hour,
          of: (point) => point.errorRatio,
          tone: isMissed ? "bad" : "idle",
        }}
      />
      <Figure
        name="p99"
        {...split(totals.p99Ms)}
        caption={`p50 ${formatDuration(totals.p50Ms)}, p95 ${formatDuration(totals.p95Ms)}`}
        spark={{ hour, of: (point) => point.p99Ms }}
      />
      <Encrypted snapshot={snapshot} />
    </section>
  );
}

function Nodes({ snapshot }: { readonly snapshot: GraphSnapshot }) {
  const tcp = tcpByNode(snapshot.edges);
  const counts = Map.groupBy(snapshot.nodes, (node) => nodeStatus(node, tcp.get(node.id)));
  const countOf = (status: Status): number => counts.get(status)?.length ?? 0;
  const present = STATUSES.filter((status) => countOf(status) > 0);
  return (
    <div className={styles.figure}>
      <p className={styles.name}>{formatCounted(snapshot.nodes.length, "node")}</p>
      <div className={styles.bar} aria-hidden="true">
        {present.map((status) => (
          <span key={status} data-status={status} style={{ flexGrow: countOf(status) }} />
        ))}
      </div>
      <ul className={styles.counts}>
        {present.map((status) => (
          <li key={status} title={`${countOf(status)} ${STATUS_WORDS[status]}`}>
            <StatusGlyph status={status} /> {countOf(status)}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Encrypted({ snapshot }: { readonly snapshot: GraphSnapshot }) {
  const ratio = mtlsOfEdges(snapshot.edges);
  const callers = new Set(
    snapshot.edges
      .filter(({ mtlsRatio }) => mtlsRatio !== undefined && mtlsRatio < 1)
      .map(({ source }) => source),
  );
  return (
    <Figure
      name="Encrypted"
      value={ratio === undefined ? undefined : formatPercentNumber(ratio)}
      unit="%"
      caption={
        <>
          <Shield ratio={ratio} isBesideWord />{" "}
          {ratio === undefined
            ? "no receiving proxy reports"
            : callers.size === 0
              ? "every caller over mTLS"
              : formatCounted(callers.size, "plaintext caller")}
        </>
      }
    />
  );
}

function Figure({
  name,
  value,
  unit,
  caption,
  spark,
}: {
  readonly name: string;
  /** Absent: no data. */
  readonly value: string | undefined;
  readonly unit: string;
  readonly caption: ReactNode;
  readonly spark?: {
    /** Absent: not known (yet). */
    readonly hour: { readonly fromMs: number; readonly points: readonly SeriesPoint[] } | undefined;
    readonly of: (point: SeriesPoint) => number | undefined;
    readonly tone?: SparkTone;
  };
}) {
  return (
    <div className={styles.figure}>
      <p className={styles.name}>{name}</p>
      <div className={styles.row}>
        <p className={classNames(styles.value, value === undefined && styles.none)}>
          {value ?? NO_DATA}
          {value !== undefined && <span className={styles.unit}> {unit}</span>}
        </p>
        {spark !== undefined && (
          <Sparkline
            points={[
              { atMs: spark.hour?.fromMs ?? 0, value: undefined },
              ...(spark.hour?.points ?? []).map((point) => ({
                atMs: point.startMs,
                value: spark.of(point),
              })),
            ]}
            label={`${name} over the last hour`}
            tone={spark.tone ?? "idle"}
            heightPx={26}
          />
        )}
      </div>
      <p className={styles.caption}>{caption}</p>
    </div>
  );
}

/** `1.24 s` as its number and its unit. */
function split(durationMs: number | undefined): { value: string | undefined; unit: string } {
  if (durationMs === undefined) return { value: undefined, unit: "" };
  const [value = "", unit = ""] = formatDuration(durationMs).split("\u00a0").slice(-2);
  return { value, unit };
}
