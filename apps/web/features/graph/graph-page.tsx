"use client";
import { useQuery } from "@tanstack/react-query";
import { useChangeEvents } from "../../lib/queries/use-change-events.ts";
import type { StreamState } from "../../lib/stream-state.ts";
import { Button } from "../../ui/button.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { useDebounced } from "../rules/use-debounced.ts";
import { useReportLive, useReportPast } from "../shell/live-store.ts";
import { FirstRun } from "./first-run.tsx";
import { GraphLoading } from "./graph-loading.tsx";
import { snapshotViewOf } from "./graph-model.ts";
import styles from "./graph-page.module.css";
import { pastGraphQuery, useLiveGraph } from "./graph-queries.ts";
import { LivingMesh } from "./living-mesh.tsx";
import { PastMoment } from "./past-moment.tsx";
import { useGraphState } from "./use-graph-state.ts";

/** The service graph, live, or as it stood at the moment the address names. */
export function GraphPage() {
  const [state, change] = useGraphState();
  useChangeEvents();
  return (
    <div className={styles.page}>
      <h1 className="visually-hidden">Graph</h1>
      {state.atMs === undefined ? (
        <LiveGraph state={state} change={change} />
      ) : (
        <PastGraph atMs={state.atMs} state={state} change={change} />
      )}
    </div>
  );
}

type GraphStateParts = {
  readonly state: ReturnType<typeof useGraphState>[0];
  readonly change: ReturnType<typeof useGraphState>[1];
};

function LiveGraph({ state, change }: GraphStateParts) {
  const { query, stream } = useLiveGraph(state.windowMs, snapshotViewOf(state.view));
  const snapshot = query.data;
  const isEmpty = snapshot !== undefined && snapshot.nodes.length === 0;
  useReportLive(stream, isEmpty);
  if (snapshot === undefined) return <Missing query={query} />;
  return isEmpty ? (
    <EmptyMesh isCollectorUp={stream.kind === "live"} />
  ) : (
    <LivingMesh snapshot={snapshot} state={state} change={change} staleFromMs={staleFrom(stream)} />
  );
}

/** While the moment is dragged along, each second of the way is not asked about. */
const SETTLE_MS = 150;

function PastGraph({ atMs, state, change }: GraphStateParts & { readonly atMs: number }) {
  const settledMs = useDebounced(atMs, SETTLE_MS);
  const query = useQuery(pastGraphQuery(settledMs, state.windowMs, snapshotViewOf(state.view)));
  useReportPast(atMs);
  if (query.data === undefined || query.isError) {
    return <Missing query={query} onLive={() => change({ atMs: undefined })} />;
  }
  return (
    <PastMoment value={atMs}>
      <LivingMesh snapshot={query.data} state={state} change={change} staleFromMs={undefined} />
    </PastMoment>
  );
}

function Missing({
  query,
  onLive,
}: {
  readonly query: {
    readonly isError: boolean;
    readonly error: Error | null;
    readonly refetch: () => unknown;
  };
  readonly onLive?: () => void;
}) {
  if (!query.isError) return <GraphLoading />;
  return (
    <>
      <ErrorPart
        title="The graph could not be read"
        detail={query.error?.message}
        onRetry={() => void query.refetch()}
      />
      {onLive !== undefined && (
        <p className={styles.back}>
          <Button onClick={onLive}>Back to live</Button>
        </p>
      )}
    </>
  );
}

/** Lost until it lives again: an attempt to reconnect proves nothing yet. */
function staleFrom({ kind, attempt, asOfMs }: StreamState): number | undefined {
  return kind === "live" || attempt === 0 ? undefined : asOfMs;
}

function EmptyMesh({ isCollectorUp }: { readonly isCollectorUp: boolean }) {
  return (
    <>
      <FirstRun isCollectorUp={isCollectorUp} />
      <div className={styles.beforeTime}>
        <span>Time begins with the first request</span>
        <hr />
      </div>
    </>
  );
}
