"use client";
import type { GraphSnapshot } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { useDenials } from "../../lib/queries/use-denials.ts";
import { useCanaries, useWorkloads } from "../../lib/queries/use-mesh-state.ts";
import { useTrafficFeatures } from "../../lib/queries/use-traffic.ts";
import { formatClock, formatWindow } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { recentRevisionsQuery } from "../shell/recent-revisions.ts";
import { applyFilters } from "./apply-filters.ts";
import { deniedByEdge } from "./denied-edges.ts";
import { FirstRequestHint } from "./first-run.tsx";
import { GraphCanvas } from "./graph-canvas.tsx";
import { GraphLoading } from "./graph-loading.tsx";
import { graphModel, snapshotViewOf } from "./graph-model.ts";
import styles from "./graph-page.module.css";
import { statusQuery, TIMELINE_MS } from "./graph-queries.ts";
import { GraphTable } from "./graph-table.tsx";
import { GraphToolbar } from "./graph-toolbar.tsx";
import { PastBar } from "./past-bar.tsx";
import { usePastMs } from "./past-moment.tsx";
import { SelectionPanel } from "./selection-panel.tsx";
import { stepToChange } from "./step-to-change.ts";
import { TimeStrip } from "./time-strip.tsx";
import { trafficOf } from "./traffic-features.ts";
import { useGraphKeys } from "./use-graph-keys.ts";
import type { useGraphState } from "./use-graph-state.ts";

const NONE: readonly never[] = [];
const UNKNOWN = { canaries: NONE, traffic: undefined, denied: new Map<string, never>() };

type GraphStateParts = ReturnType<typeof useGraphState>;

/** A mesh that has something to show, now or at a moment of the past: toolbar, drawing or table, panel and time. */
export function LivingMesh({
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
  const pastMs = usePastMs();
  // Rules, rollouts and denials are known of the present: a graph of the past goes without their badges.
  const present =
    pastMs === undefined ? { canaries: canaries?.canaries ?? NONE, traffic, denied } : UNKNOWN;
  const model = useMemo(
    () =>
      graphModel(
        snapshot,
        state.view,
        present.canaries,
        state.namespace,
        (node) => trafficOf(present.traffic, node),
        present.denied,
      ),
    [snapshot, state.view, present.canaries, state.namespace, present.traffic, present.denied],
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
    onLive: () => change({ atMs: undefined }),
    onChangeBefore: () => change({ atMs: stepToChange(history?.revisions, pastMs, "before") }),
    onChangeAfter: () => change({ atMs: stepToChange(history?.revisions, pastMs, "after") }),
  });
  const failing = model.cards.filter((card) => card.status === "failing").length;
  useTitle(pastMs === undefined ? failing : 0);
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
        <div className={styles.drawing} data-past={pastMs !== undefined || undefined}>
          {pastMs !== undefined && (
            <PastBar atMs={pastMs} onLive={() => change({ atMs: undefined })} />
          )}
          {staleFromMs !== undefined && (
            <p className={styles.stale} role="status">
              as of {formatClock(staleFromMs)}
            </p>
          )}
          {pastMs === undefined && state.show === "graph" && snapshot.edges.length === 0 && (
            <FirstRequestHint service={model.cards[0]?.title ?? "it"} />
          )}
          {!isOfView && <GraphLoading />}
          {pastMs !== undefined && snapshot.nodes.length === 0 && (
            <div className={styles.nothing}>
              <EmptyState>
                Nobody called anybody in the {formatWindow(state.windowMs)} before{" "}
                {formatClock(pastMs)}, or it is no longer kept.
              </EmptyState>
            </div>
          )}
          {isOfView && snapshot.nodes.length > 0 && filtered.model.cards.length === 0 && (
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
            canaries={present.canaries}
            onSelect={selectOther}
            onClose={() => change({ selected: undefined })}
          />
        )}
      </div>
      <TimeStrip snapshot={snapshot} onMoment={(atMs) => change({ atMs })} />
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
