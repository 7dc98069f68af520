"use client";
import type { GraphSnapshot } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { useChangeEvents } from "../../lib/queries/use-change-events.ts";
import { useDenials } from "../../lib/queries/use-denials.ts";
import { useCanaries, useWorkloads } from "../../lib/queries/use-mesh-state.ts";
import { useTrafficFeatures } from "../../lib/queries/use-traffic.ts";
import type { StreamState } from "../../lib/stream-state.ts";
import { formatClock } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { useReportLive } from "../shell/live-store.ts";
import { recentRevisionsQuery } from "../shell/recent-revisions.ts";
import { applyFilters } from "./apply-filters.ts";
import { deniedByEdge } from "./denied-edges.ts";
import { FirstRequestHint, FirstRun } from "./first-run.tsx";
import { GraphCanvas } from "./graph-canvas.tsx";
import { graphModel, snapshotViewOf } from "./graph-model.ts";
import styles from "./graph-page.module.css";
import { statusQuery, TIMELINE_MS, useLiveGraph } from "./graph-queries.ts";
import { GraphTable } from "./graph-table.tsx";
import { GraphToolbar } from "./graph-toolbar.tsx";
import { SelectionPanel } from "./selection-panel.tsx";
import { TimeStrip } from "./time-strip.tsx";
import { trafficOf } from "./traffic-features.ts";
import { useGraphKeys } from "./use-graph-keys.ts";
import { useGraphState } from "./use-graph-state.ts";

/** The service graph, live: the first thing one sees of a mesh. */
export function GraphPage() {
  const [state, change] = useGraphState();
  const { query, stream } = useLiveGraph(state.windowMs, snapshotViewOf(state.view));
  useChangeEvents();
  const snapshot = query.data;
  const isEmpty = snapshot !== undefined && snapshot.nodes.length === 0;
  useReportLive(stream, isEmpty);
  if (snapshot === undefined) {
    return (
      <div className={styles.page}>
        <h1 className="visually-hidden">Graph</h1>
        {query.isError ? (
          <ErrorPart
            title="The graph could not be read"
            detail={query.error.message}
            onRetry={() => void query.refetch()}
          />
        ) : (
          <Loading />
        )}
      </div>
    );
  }
  return (
    <div className={styles.page}>
      <h1 className="visually-hidden">Graph</h1>
      {isEmpty ? (
        <EmptyMesh isCollectorUp={stream.kind === "live"} />
      ) : (
        <LivingMesh
          snapshot={snapshot}
          state={state}
          change={change}
          staleFromMs={staleFrom(stream)}
        />
      )}
    </div>
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

type GraphStateParts = ReturnType<typeof useGraphState>;

function LivingMesh({
  snapshot,
  state,
  change,
  staleFromMs,
}: {
  readonly snapshot: GraphSnapshot;
  readonly state: GraphStateParts[0];
  readonly change: GraphStateParts[1];
  /** When the stream, now lost, last spoke; `undefined` while it lives. */
  readonly staleFromMs: number | undefined;
}) {
  const page = useRef<HTMLDivElement>(null);
  const findInput = useRef<HTMLInputElement>(null);
  const hideInput = useRef<HTMLInputElement>(null);
  const { data: canaries } = useCanaries();
  const { data: traffic } = useTrafficFeatures();
  const { data: history } = useQuery(recentRevisionsQuery);
  const mesh = useQuery(statusQuery(false));
  const denied = useDenied(snapshot, state.windowMs);
  const model = useMemo(
    () =>
      graphModel(
        snapshot,
        state.view,
        canaries?.canaries ?? [],
        state.namespace,
        (node) => trafficOf(traffic, node),
        denied,
      ),
    [snapshot, state.view, canaries, state.namespace, traffic, denied],
  );
  const filtered = useMemo(
    () => applyFilters(model, state.find, state.hide),
    [model, state.find, state.hide],
  );
  const nodes = useMemo(() => new Map(snapshot.nodes.map((node) => [node.id, node])), [snapshot]);
  const fit = () => page.current?.querySelector<HTMLElement>('[data-key="fit"]')?.click();
  useGraphKeys({
    onFind: () => findInput.current?.focus(),
    onHide: () => hideInput.current?.focus(),
    onTable: () => change({ show: state.show === "table" ? "graph" : "table" }),
    onFit: fit,
    onBack: () => change({ selected: undefined }),
  });
  useTitle(model.cards.filter((card) => card.status === "failing").length);
  const changesInHour = history?.revisions.filter(
    (one) => one.createdAtMs >= snapshot.asOfMs - TIMELINE_MS,
  ).length;
  const storageKey = meshKey(mesh.data, state.view);
  const selectOther = (id: string) => change({ selected: id });
  const isOfView = snapshot.view === snapshotViewOf(state.view);
  return (
    <>
      <GraphToolbar
        state={state}
        change={change}
        matched={filtered.matched}
        hidden={filtered.hidden}
        changesInHour={changesInHour}
        findInput={findInput}
        hideInput={hideInput}
        onFit={fit}
      />
      <div ref={page} className={styles.middle} data-stale={staleFromMs !== undefined || undefined}>
        <div className={styles.drawing}>
          {staleFromMs !== undefined && (
            <p className={styles.stale} role="status">
              as of {formatClock(staleFromMs)}
            </p>
          )}
          {state.show === "graph" && snapshot.edges.length === 0 && (
            <FirstRequestHint service={model.cards[0]?.title ?? "it"} />
          )}
          {!isOfView && <Loading />}
          {isOfView && filtered.model.cards.length === 0 && (
            <div className={styles.nothing}>
              <EmptyState
                act={<Button onClick={() => change({ hide: "" })}>Show what is hidden</Button>}
              >
                Hide leaves nothing to show.
              </EmptyState>
            </div>
          )}
          {isOfView && state.show === "table" && (
            <GraphTable
              model={filtered.model}
              nodes={nodes}
              selected={state.selected}
              found={filtered.foundThreads}
              onSelect={selectOther}
            />
          )}
          {/* What this mesh's cards remember is known once the mesh is; one whose control plane is away starts afresh. */}
          {isOfView && state.show === "graph" && (!mesh.isPending || mesh.failureCount > 0) && (
            <GraphCanvas
              key={storageKey}
              model={filtered.model}
              nodes={nodes}
              state={state}
              change={change}
              asOfMs={snapshot.asOfMs}
              storageKey={storageKey}
              foundCards={filtered.foundCards}
              foundThreads={filtered.foundThreads}
            />
          )}
        </div>
        {isOfView && (
          <SelectionPanel
            snapshot={snapshot}
            model={model}
            windowMs={state.windowMs}
            selected={state.selected}
            canaries={canaries?.canaries ?? []}
            onSelect={selectOther}
            onClose={() => change({ selected: undefined })}
          />
        )}
      </div>
      <TimeStrip snapshot={snapshot} />
    </>
  );
}

/** What policies denied on each edge over the graph's own window. */
function useDenied(snapshot: GraphSnapshot, windowMs: number) {
  const denials = useDenials(windowMs).data?.denials;
  const workloads = useWorkloads().data?.workloads;
  return useMemo(
    () => deniedByEdge(denials ?? [], snapshot.edges, workloads ?? []),
    [denials, snapshot.edges, workloads],
  );
}

function meshKey(
  mesh: { readonly trustDomain: string; readonly caCreatedAtMs: number } | undefined,
  view: string,
): string {
  const name = mesh === undefined ? "unknown" : `${mesh.trustDomain} ${mesh.caCreatedAtMs}`;
  return `heddle-places ${name} ${view}`;
}

/** The tab says how many are failing, for whoever has it in the background. */
function useTitle(failing: number): void {
  useEffect(() => {
    document.title = failing === 0 ? "Graph · Heddle" : `(${failing} failing) Graph · Heddle`;
  }, [failing]);
}

function Loading() {
  return (
    <div className={styles.loading}>
      {[0, 1, 2, 3].map((column) => (
        <Skeleton key={column} widthPx={136} heightPx={56} />
      ))}
    </div>
  );
}
