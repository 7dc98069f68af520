"use client";
import { useQuery } from "@tanstack/react-query";
import { useChangeEvents } from "../../lib/queries/use-change-events.ts";
import type { StreamState } from "../../lib/stream-state.ts";
import { Button } from "../../ui/button.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { useDebounced } from "../rules/use-debounced.ts";
import { useReportLive } from "../shell/live-store.ts";
import { FirstRun } from "./first-run.tsx";
import { GraphLoading } from "./graph-loading.tsx";
import { snapshotViewOf } from "./graph-model.ts";
import styles from "./graph-page.module.css";
import { pastGraphQuery, useLiveGraph } from "./graph-queries.ts";
import { LivingMesh } from "./living-mesh.tsx";
import { PastMoment } from "./past-moment.tsx";
import { useGraphState } from "./use-graph-state.ts";

/** While the moment is dragged along, each second of the way is not asked about. */
const SETTLE_MS = 150;

/**
 * The service graph, live, or as it stood at the moment the address names. One tree for both: whoever drags from now into
 * the past must not lose what he holds.
 */
export function GraphPage() {
  const [state, change] = useGraphState();
  const { atMs, windowMs } = state;
  const view = snapshotViewOf(state.view);
  const { query: live, stream } = useLiveGraph(windowMs, view, atMs === undefined);
  const past = useQuery(pastGraphQuery(useDebounced(atMs, SETTLE_MS), windowMs, view));
  useChangeEvents();
  const isPast = atMs !== undefined;
  const shown = isPast ? past : live;
  const snapshot = shown.data ?? (isPast && !past.isError ? live.data : undefined);
  const isEmpty = !isPast && snapshot?.nodes.length === 0;
  useReportLive(stream, isEmpty, atMs);
  return (
    <div className={styles.page}>
      <h1 className="visually-hidden">Graph</h1>
      {snapshot === undefined || (isPast && past.isError) ? (
        <Missing query={shown} onLive={isPast ? () => change({ atMs: undefined }) : undefined} />
      ) : isEmpty ? (
        <EmptyMesh isCollectorUp={stream.kind === "live"} />
      ) : (
        <PastMoment value={atMs}>
          <LivingMesh
            snapshot={snapshot}
            state={state}
            change={change}
            staleFromMs={isPast ? undefined : staleFrom(stream)}
          />
        </PastMoment>
      )}
    </div>
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
  readonly onLive: (() => void) | undefined;
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
