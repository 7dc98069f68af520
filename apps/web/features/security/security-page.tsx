"use client";

import type { GraphSnapshot, PlaintextCallersResponse, WorkloadState } from "@heddle/contracts";
import { useSearchParams } from "next/navigation";
import { formatCounted, formatRate, formatShare } from "../../lib/numbers.ts";
import { useReadOnlyReason } from "../../lib/queries/use-me.ts";
import { useGraph, usePlaintextCallers, useWorkloads } from "../../lib/queries/use-mesh-state.ts";
import { Card } from "../../ui/card.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { useLivePage } from "../session/use-live-page.ts";
import { useUrlValue } from "../session/use-url-value.ts";
import { CALLER_WINDOWS, type CallerWindow } from "./caller-windows.ts";
import { MtlsLadder } from "./mtls-ladder.tsx";
import { acceptedCallers, encryptedShare, type MtlsRow, mtlsRows } from "./mtls-rows.ts";
import styles from "./security-page.module.css";
import { SpeechMatrixCard } from "./speech-matrix-card.tsx";
import { WorkloadTable } from "./workload-table.tsx";

const GRAPH_WINDOW_MS = 30_000;

/** What each workload demands of its callers, what they do, and the way from one to the other. */
export function SecurityPage() {
  const [windowValue, setWindow] = useUrlValue("window");
  const callerWindow = CALLER_WINDOWS.find((one) => one.value === windowValue) ?? CALLER_WINDOWS[3];
  const workloads = useWorkloads();
  const graph = useGraph(GRAPH_WINDOW_MS);
  const callers = usePlaintextCallers(Number(callerWindow.value));
  useLivePage(graph.dataUpdatedAt);
  const shown = useShownWorkloads(workloads.data?.workloads);
  if (shown === undefined) {
    return (
      <PageFrame title="Security">
        {workloads.isError ? (
          <ErrorPart
            title="The workloads are missing"
            detail={workloads.error.message}
            onRetry={() => void workloads.refetch()}
          />
        ) : (
          <Skeleton heightPx={420} />
        )}
      </PageFrame>
    );
  }
  return (
    <Security
      workloads={shown}
      graph={graph.data}
      graphFault={graph.error ?? undefined}
      callers={callers.data}
      callersFault={callers.error ?? undefined}
      callerWindow={callerWindow}
      onCallerWindow={setWindow}
    />
  );
}

function Security({
  workloads,
  graph,
  graphFault,
  callers,
  callersFault,
  callerWindow,
  onCallerWindow,
}: {
  readonly workloads: readonly WorkloadState[];
  readonly graph: GraphSnapshot | undefined;
  readonly graphFault: Error | undefined;
  readonly callers: PlaintextCallersResponse | undefined;
  readonly callersFault: Error | undefined;
  readonly callerWindow: CallerWindow;
  readonly onCallerWindow: (value: string) => void;
}) {
  const [open, setOpen] = useUrlValue("open");
  const readOnlyReason = useReadOnlyReason();
  const rows = mtlsRows(workloads, graph, callers?.callers ?? []);
  const openRow = rows.find((row) => row.id === open);
  return (
    <PageFrame title="Security" status={graph !== undefined && summaryOf(rows, graph)}>
      <MtlsLadder rows={rows} />
      {callersFault !== undefined && (
        <ErrorPart title="Plaintext callers are missing" detail={callersFault.message} />
      )}
      {rows.length === 0 ? (
        <Card>
          <EmptyState
            act={
              <CodeLine command="npx heddle run --service catalog --port 8080 -- node server.js" />
            }
          >
            No workload has joined the mesh yet.
          </EmptyState>
        </Card>
      ) : (
        <div className={styles.columns}>
          <WorkloadTable
            rows={rows}
            open={open}
            onOpen={setOpen}
            isCallersKnown={callers !== undefined}
            callerWindow={callerWindow}
            onCallerWindow={onCallerWindow}
            readOnlyReason={readOnlyReason}
          />
          <SpeechMatrixCard
            graph={graph}
            fault={graphFault}
            openService={openRow?.workload.service}
          />
        </div>
      )}
    </PageFrame>
  );
}

/** The workloads of the namespace chosen in the top bar; `undefined`: not known yet. */
function useShownWorkloads(
  workloads: readonly WorkloadState[] | undefined,
): readonly WorkloadState[] | undefined {
  const namespace = useSearchParams().get("ns");
  return namespace === null ? workloads : workloads?.filter((one) => one.namespace === namespace);
}

function summaryOf(rows: readonly MtlsRow[], graph: GraphSnapshot): string {
  const ids = new Set(rows.map((row) => `workload/${row.id}`));
  const edges = graph.edges.filter((edge) => ids.has(edge.destination));
  const share = encryptedShare(edges);
  const rate = edges.reduce((sum, edge) => sum + edge.signals.requestsPerSecond, 0);
  const inTheWay = rows.flatMap(acceptedCallers).length;
  const encrypted =
    share === undefined
      ? "no requests in 30\u00a0s"
      : `${formatShare(share)} of ${formatRate(rate)} encrypted, 30\u00a0s`;
  const callers =
    inTheWay === 0 ? "no plaintext callers" : formatCounted(inTheWay, "plaintext caller");
  return `${formatCounted(rows.length, "workload")}, ${encrypted}, ${callers}`;
}
