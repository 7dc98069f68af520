"use client";

import type { GraphSnapshot } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "next/navigation";
import { useMemo } from "react";
import { useChangeEvents } from "../../lib/queries/use-change-events.ts";
import { useCanaries } from "../../lib/queries/use-mesh-state.ts";
import { formatClock } from "../../lib/times.ts";
import { useNowMs } from "../../ui/clock.ts";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { FirstRun } from "../graph/first-run.tsx";
import { useLiveGraph } from "../graph/graph-queries.ts";
import { PushStrip } from "../pushes/push-strip.tsx";
import { HoldCards } from "../registry/hold-cards.tsx";
import { useReportLive } from "../shell/live-store.ts";
import { recentRevisionsQuery } from "../shell/recent-revisions.ts";
import { CertificatesCard } from "./certificates-card.tsx";
import { ChangesCard } from "./changes-card.tsx";
import { HourCard } from "./hour-card.tsx";
import { KeyFigures } from "./key-figures.tsx";
import styles from "./overview-page.module.css";
import { ProxiesCard } from "./proxies-card.tsx";
import { RolloutsCard } from "./rollouts-card.tsx";
import { TroubleBanner } from "./trouble-banner.tsx";
import { findTroubles, worstFirst } from "./worst-first.ts";
import { WorstFirstCard } from "./worst-first-card.tsx";

export const WINDOW_MS = 30_000;

/** The front door: what wants somebody now, how the mesh does, and what was changed of late. */
export function OverviewPage() {
  const { query, stream } = useLiveGraph(WINDOW_MS, "workload");
  useChangeEvents();
  const namespace = useSearchParams().get("ns") ?? undefined;
  const snapshot = query.data;
  const isEmpty = snapshot !== undefined && snapshot.nodes.length === 0;
  useReportLive(stream, isEmpty);
  const isLost = stream.kind !== "live" && stream.attempt > 0;
  if (isEmpty) {
    return (
      <>
        <h1 className="visually-hidden">Overview</h1>
        <FirstRun isCollectorUp={stream.kind === "live"} />
      </>
    );
  }
  return (
    <PageFrame
      title={<span className="visually-hidden">Overview</span>}
      className={styles.page}
      status={
        isLost && stream.asOfMs !== undefined ? (
          <span role="status" className={styles.stale}>
            as of {formatClock(stream.asOfMs)}
          </span>
        ) : undefined
      }
    >
      {query.isError && (
        <ErrorPart
          title={
            snapshot === undefined ? "The signals are missing" : "The signals are as of a while ago"
          }
          detail={query.error.message}
          onRetry={() => void query.refetch()}
        />
      )}
      <Mesh snapshot={snapshot} namespace={namespace} isFailed={query.isError} />
    </PageFrame>
  );
}

function Mesh({
  snapshot: whole,
  namespace,
  isFailed,
}: {
  readonly snapshot: GraphSnapshot | undefined;
  readonly namespace: string | undefined;
  readonly isFailed: boolean;
}) {
  const canaries = useCanaries();
  const revisions = useQuery(recentRevisionsQuery);
  const nowMs = useNowMs() ?? whole?.asOfMs ?? 0;
  const snapshot = useMemo(() => whole && withinNamespace(whole, namespace), [whole, namespace]);
  const troubles = useMemo(
    () => (snapshot === undefined ? [] : findTroubles(snapshot, canaries.data?.canaries ?? [])),
    [snapshot, canaries.data],
  );
  const lines = useMemo(() => snapshot && worstFirst(snapshot, snapshot.asOfMs), [snapshot]);
  return (
    <>
      <TroubleBanner troubles={troubles} />
      <HoldCards namespace={namespace} />
      <PushStrip />
      {snapshot === undefined ? (
        !isFailed && <Skeleton heightPx={104} waitsFor="the collector" />
      ) : (
        <KeyFigures snapshot={snapshot} isPart={namespace !== undefined} />
      )}
      <div className={styles.columns}>
        <div className={styles.main}>
          <WorstFirstCard lines={lines} windowMs={WINDOW_MS} isFailed={isFailed} />
          <HourCard revisions={revisions.data?.revisions} nowMs={nowMs} />
          <div className={styles.pair}>
            <CertificatesCard namespace={namespace} nowMs={nowMs} />
            <ProxiesCard namespace={namespace} newest={revisions.data?.revisions[0]} />
          </div>
        </div>
        <div className={styles.aside}>
          <RolloutsCard canaries={canaries} snapshot={snapshot} namespace={namespace} />
          <ChangesCard revisions={revisions} namespace={namespace} nowMs={nowMs} />
        </div>
      </div>
    </>
  );
}

/** Of one namespace: its nodes, and the edges that end at them with the callers they come from. */
function withinNamespace(snapshot: GraphSnapshot, namespace: string | undefined): GraphSnapshot {
  if (namespace === undefined) return snapshot;
  const own = new Set(
    snapshot.nodes.filter((node) => node.namespace === namespace).map(({ id }) => id),
  );
  return {
    ...snapshot,
    nodes: snapshot.nodes.filter(({ id }) => own.has(id)),
    edges: snapshot.edges.filter(({ destination }) => own.has(destination)),
  };
}
