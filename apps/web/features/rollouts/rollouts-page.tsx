"use client";

import type { Canary, GraphSnapshot } from "@heddle/contracts";
import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { formatRate, formatShare, NO_DATA } from "../../lib/numbers.ts";
import { useCanaries, useGraph } from "../../lib/queries/use-mesh-state.ts";
import { formatDuration } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { compareStatus, worstStatus } from "../../ui/status.ts";
import { StatusPill } from "../../ui/status-pill.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import { useLivePage } from "../session/use-live-page.ts";
import { observedShare, type SideSignals, sideSignals } from "./canary-signals.ts";
import styles from "./rollouts-page.module.css";

const WINDOW_MS = 30_000;

/** Every service whose traffic two versions share, worst first. */
export function RolloutsPage() {
  const canaries = useCanaries();
  const graph = useGraph(WINDOW_MS);
  useLivePage(graph.dataUpdatedAt);
  const namespace = useSearchParams().get("ns");
  const shown = canaries.data?.canaries.filter(
    (one) => namespace === null || one.namespace === namespace,
  );
  return (
    <PageFrame
      title="Rollouts"
      status={
        shown !== undefined && shown.length > 0 && `${shown.length} running, figures over 30\u00a0s`
      }
    >
      {canaries.isError && (
        <ErrorPart
          title="The rollouts are missing"
          detail={canaries.error.message}
          onRetry={() => void canaries.refetch()}
        />
      )}
      {canaries.isPending && <Skeleton heightPx={160} />}
      {shown !== undefined &&
        (shown.length === 0 ? (
          <Card>
            <EmptyState act={<CodeLine command="heddle apply -f split.yaml" />}>
              No service splits its traffic between two versions. A VirtualService with two weighted
              subsets on one route starts a rollout.
            </EmptyState>
          </Card>
        ) : (
          <RolloutTable canaries={shown} graph={graph.data} />
        ))}
    </PageFrame>
  );
}

function RolloutTable({
  canaries,
  graph,
}: {
  readonly canaries: readonly Canary[];
  readonly graph: GraphSnapshot | undefined;
}) {
  const rows = canaries
    .map((canary) => rowOf(canary, graph))
    .sort(
      (a, b) =>
        compareStatus(a.status, b.status) || a.canary.service.localeCompare(b.canary.service),
    );
  return (
    <Card title="Running" caption="worst first" isFlush>
      <Table label="Rollouts">
        <thead>
          <tr>
            <Th>Service</Th>
            <Th>Canary</Th>
            <Th isNumber>Configured</Th>
            <Th isNumber>Observed</Th>
            <Th isNumber>Rate</Th>
            <Th isNumber>Errors</Th>
            <Th isNumber>p99</Th>
            <Th>Last change</Th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <RolloutRow key={`${row.canary.namespace}/${row.canary.service}`} row={row} />
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

function RolloutRow({ row }: { readonly row: ReturnType<typeof rowOf> }) {
  const { canary, status, stable, judged, observed } = row;
  return (
    <Tr tone={status === "failing" ? "bad" : undefined}>
      <Td>
        <Link
          className={styles.service}
          href={`/rollouts/${encodeURIComponent(canary.namespace)}/${encodeURIComponent(canary.service)}`}
        >
          {canary.service}
        </Link>{" "}
        <Chip>
          {canary.stable.subset} → {canary.canary.subset}
        </Chip>
      </Td>
      <Td>
        <StatusPill status={status} />
      </Td>
      <Td isNumber>{formatShare(canary.canary.share)}</Td>
      <Td isNumber>{formatShare(observed)}</Td>
      <Td isNumber>{judged === undefined ? NO_DATA : formatRate(judged.requestsPerSecond)}</Td>
      <Td isNumber>
        <Pair stable={stable?.errorRatio} judged={judged?.errorRatio} format={formatShare} />
      </Td>
      <Td isNumber>
        <Pair stable={stable?.p99Ms} judged={judged?.p99Ms} format={formatDuration} />
      </Td>
      <Td>
        <RelativeTime atMs={canary.startedAtMs} /> by {canary.startedBy}
      </Td>
    </Tr>
  );
}

/** Canary against stable, so that a figure is read beside what it should be. */
function Pair({
  stable,
  judged,
  format,
}: {
  readonly stable: number | undefined;
  readonly judged: number | undefined;
  readonly format: (value: number | undefined) => string;
}) {
  return (
    <>
      <b>{format(judged)}</b> <span className={styles.against}>vs {format(stable)}</span>
    </>
  );
}

function rowOf(canary: Canary, graph: GraphSnapshot | undefined) {
  const stable: SideSignals | undefined = graph && sideSignals(graph, canary.stable);
  const judged: SideSignals | undefined = graph && sideSignals(graph, canary.canary);
  return {
    canary,
    stable,
    judged,
    status: worstStatus(judged?.nodes.map((node) => node.health.state) ?? []),
    observed: stable && judged && observedShare(stable, judged),
  };
}
