"use client";

import type { GraphSnapshot, LadderResponse, MtlsGuard, WorkloadState } from "@heddle/contracts";
import { LadderRung } from "@heddle/contracts";
import { useSearchParams } from "next/navigation";
import { useGraph, useWorkloads } from "../../../lib/queries/use-mesh-state.ts";
import { useGuards, useLadder } from "../../../lib/queries/use-mtls.ts";
import { Card } from "../../../ui/card.tsx";
import { CodeLine } from "../../../ui/code-line.tsx";
import { EmptyState } from "../../../ui/empty-state.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { useUrlValue } from "../../session/use-url-value.ts";
import { GRAPH_WINDOW_MS } from "../graph-window.ts";
import { useReadOnlyReasonOf } from "../use-read-only-reason-of.ts";
import { callerWindowOf } from "./caller-windows.ts";
import { MtlsLadder } from "./mtls-ladder.tsx";
import { mtlsRows } from "./mtls-rows.ts";
import styles from "./mtls-tab.module.css";
import { ScopeFlip } from "./scope-flip.tsx";
import { cellKey, speechMatrix } from "./speech-matrix.ts";
import { SpeechMatrixCard } from "./speech-matrix-card.tsx";
import { useGuardEnds } from "./use-guard-ends.ts";
import { WorkloadTable } from "./workload-table.tsx";

const NO_GUARDS: readonly MtlsGuard[] = [];

/** What each workload demands of its callers, what they do, and the way from one to the other. */
export function MtlsTab() {
  const namespace = useSearchParams().get("ns") ?? undefined;
  const callerWindow = callerWindowOf(useSearchParams().get("window") ?? undefined);
  const ladder = useLadder(namespace, Number(callerWindow.value));
  const workloads = useWorkloads();
  const graph = useGraph(GRAPH_WINDOW_MS);
  const guards = useGuards();
  useGuardEnds(guards.data?.guards ?? NO_GUARDS);
  if (ladder.data === undefined) {
    return ladder.isError ? (
      <Card>
        <ErrorPart
          title="The ladder is missing"
          detail={ladder.error.message}
          onRetry={() => void ladder.refetch()}
        />
      </Card>
    ) : (
      <>
        <Skeleton heightPx={62} />
        <Skeleton heightPx={420} />
      </>
    );
  }
  return (
    <>
      {ladder.isError && (
        <ErrorPart
          title="What you see is as of a while ago"
          detail={ladder.error.message}
          onRetry={() => void ladder.refetch()}
        />
      )}
      {guards.isError && (
        <ErrorPart
          title="Guards are missing"
          detail={guards.error.message}
          onRetry={() => void guards.refetch()}
        />
      )}
      <Mtls
        ladder={ladder.data}
        workloads={workloads.data?.workloads ?? []}
        graph={graph.data}
        graphFault={graph.error ?? undefined}
        guards={guards.data?.guards ?? NO_GUARDS}
        namespace={namespace}
      />
    </>
  );
}

function Mtls({
  ladder,
  workloads,
  graph,
  graphFault,
  guards,
  namespace,
}: {
  readonly ladder: LadderResponse;
  readonly workloads: readonly WorkloadState[];
  readonly graph: GraphSnapshot | undefined;
  readonly graphFault: Error | undefined;
  readonly guards: readonly MtlsGuard[];
  readonly namespace: string | undefined;
}) {
  const [open, setOpen] = useUrlValue("open");
  const [windowValue, setWindow] = useUrlValue("window");
  const [rungValue, setRung] = useUrlValue("rung");
  const [scope, setScope] = useUrlValue("scope");
  const [pair, setPair] = useUrlValue("pair");
  const readOnlyReason = useReadOnlyReasonOf();
  const rung = LadderRung.safeParse(rungValue).data;
  const rows = mtlsRows(ladder.workloads, workloads, graph);
  const openRow = rows.find((row) => row.id === open);
  const cell =
    graph === undefined || pair === undefined
      ? undefined
      : speechMatrix(graph, namespace).cells.get(pair);
  if (rows.length === 0) {
    return (
      <>
        <MtlsLadder
          ladder={ladder}
          chosen={undefined}
          standing={undefined}
          isLastOpen={false}
          onChoose={setRung}
          onLast={() => undefined}
        />
        <Card>
          <EmptyState
            act={
              <CodeLine command="npx heddle run --service catalog --port 8080 -- node server.js" />
            }
          >
            {namespace === undefined
              ? "No workload has joined the mesh yet."
              : `No workload has joined ${namespace} yet.`}
          </EmptyState>
        </Card>
      </>
    );
  }
  const reach = scope ?? namespace ?? "mesh";
  return (
    <>
      <MtlsLadder
        ladder={ladder}
        chosen={rung}
        standing={openRow?.ladder.rung}
        isLastOpen={scope !== undefined}
        onChoose={setRung}
        onLast={() => setScope(scope === undefined ? reach : undefined)}
      />
      {scope === undefined && ladder.next.act !== "none" && (
        <p className={styles.next}>
          <b>Next</b> {ladder.next.words}
        </p>
      )}
      {scope !== undefined && (
        <ScopeFlip
          ladder={ladder}
          guards={guards}
          chosen={scope}
          readOnlyReason={readOnlyReason(scope === "mesh" ? "*" : scope)}
          onChoose={setScope}
        />
      )}
      <div className={styles.columns}>
        <WorkloadTable
          rows={rows}
          rung={rung}
          open={open}
          onOpen={setOpen}
          guards={guards}
          isCallersKnown={ladder.countedUntilMs !== undefined}
          callerWindow={callerWindowOf(windowValue)}
          onCallerWindow={setWindow}
          marked={
            cell && {
              service: cell.callee.key,
              address: cell.caller.address,
            }
          }
          onMark={(row, caller) => {
            const key = cellKey(caller.sourceAddress, serviceKey(row.state));
            setPair(key === pair ? undefined : key);
          }}
          readOnlyReason={readOnlyReason}
        />
        <SpeechMatrixCard
          graph={graph}
          fault={graphFault}
          namespace={namespace}
          openService={openRow?.state && serviceKey(openRow.state)}
          pair={pair}
          onPair={setPair}
        />
      </div>
    </>
  );
}

function serviceKey(state: WorkloadState | undefined): string {
  return state === undefined ? "" : `${state.namespace}/${state.service}`;
}
