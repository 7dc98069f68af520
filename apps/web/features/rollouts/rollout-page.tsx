"use client";

import type { Canary } from "@heddle/contracts";
import { Waypoints } from "lucide-react";
import Link from "next/link";
import { useReadOnlyReason } from "../../lib/queries/use-me.ts";
import { useCanaries, useGraph } from "../../lib/queries/use-mesh-state.ts";
import { useServiceRevisions } from "../../lib/queries/use-revisions.ts";
import { formatClock, formatSince, formatStamp } from "../../lib/times.ts";
import { ButtonLink } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { useNowMs } from "../../ui/clock.ts";
import { CodeLine } from "../../ui/code-line.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { worstStatus } from "../../ui/status.ts";
import { StatusPill } from "../../ui/status-pill.tsx";
import { useLivePage } from "../session/use-live-page.ts";
import { useUrlValue } from "../session/use-url-value.ts";
import { callersOf, type SideSignals, sideSignals, workloadNodeId } from "./canary-signals.ts";
import { CompareCard, SPANS, type SpanSeconds } from "./compare-card.tsx";
import { DecisionsCard } from "./decisions-card.tsx";
import { RollbackCard } from "./rollback-card.tsx";
import styles from "./rollout-page.module.css";
import { SideBySideCard } from "./side-by-side-card.tsx";
import { TrafficCard } from "./traffic-card.tsx";
import { WeightCard } from "./weight-card.tsx";

const WINDOW_MS = 30_000;

/** One service whose traffic two versions share: how it is split, how both do, and the way back. */
export function RolloutPage({
  namespace,
  service,
}: {
  readonly namespace: string;
  readonly service: string;
}) {
  const canaries = useCanaries();
  const canary = canaries.data?.canaries.find(
    (one) => one.namespace === namespace && one.service === service,
  );
  if (canary !== undefined) return <Rollout canary={canary} />;
  return (
    <PageFrame title={service}>
      {canaries.isError ? (
        <ErrorPart
          title="The rollouts are missing"
          detail={canaries.error.message}
          onRetry={() => void canaries.refetch()}
        />
      ) : canaries.isPending ? (
        <Skeleton heightPx={320} />
      ) : (
        <Card>
          <EmptyState act={<Link href="/rollouts">All rollouts</Link>}>
            {namespace}/{service} does not split its traffic between two versions.
          </EmptyState>
        </Card>
      )}
    </PageFrame>
  );
}

function Rollout({ canary }: { readonly canary: Canary }) {
  const graph = useGraph(WINDOW_MS);
  useLivePage(graph.dataUpdatedAt);
  const revisions = useServiceRevisions(`${canary.namespace}/${canary.service}`).data?.revisions;
  const readOnlyReason = useReadOnlyReason(canary.namespace);
  const [span, setSpan] = useUrlValue("span");
  const nowMs = useNowMs() ?? 0;

  const sides = graph.data && {
    stable: sideSignals(graph.data, canary.stable),
    canary: sideSignals(graph.data, canary.canary),
  };
  const totalPerSecond = sides && sides.stable.requestsPerSecond + sides.canary.requestsPerSecond;
  return (
    <PageFrame
      className={styles.page}
      title={canary.service}
      status={<Status canary={canary} signals={sides?.canary} nowMs={nowMs} />}
      actions={
        <span className={styles.wideOnly}>
          <ButtonLink href={graphHref(canary)} icon={<Waypoints size={15} />}>
            Show on graph
          </ButtonLink>
        </span>
      }
    >
      <div className={styles.columns}>
        <div className={styles.main}>
          {graph.isError && (
            <ErrorPart
              title="Observed figures are missing"
              detail={graph.error.message}
              onRetry={() => void graph.refetch()}
            />
          )}
          <TrafficCard canary={canary} sides={sides} windowMs={WINDOW_MS} />
          {sides !== undefined && (
            <SideBySideCard canary={canary} sides={sides} windowMs={WINDOW_MS} />
          )}
          <CompareCard
            canary={canary}
            sides={sides}
            revisions={revisions ?? []}
            span={SPANS.find((one) => one.value === span)?.value ?? "300"}
            onSpan={(value: SpanSeconds) => setSpan(value === "300" ? undefined : value)}
          />
        </div>
        <div className={styles.aside}>
          <div className={styles.sheet}>
            <RollbackCard
              canary={canary}
              canaryPerSecond={sides?.canary.requestsPerSecond}
              readOnlyReason={readOnlyReason}
            />
          </div>
          <CodeLine command={`heddle canary rollback ${canary.namespace}/${canary.service}`} />
          <WeightCard
            canary={canary}
            totalPerSecond={totalPerSecond}
            readOnlyReason={readOnlyReason}
          />
          {revisions !== undefined && <DecisionsCard revisions={revisions} nowMs={nowMs} />}
          <Facts
            canary={canary}
            callers={graph.data && callersOf(graph.data, [canary.stable, canary.canary])}
          />
        </div>
      </div>
    </PageFrame>
  );
}

function Status({
  canary,
  signals,
  nowMs,
}: {
  readonly canary: Canary;
  readonly signals: SideSignals | undefined;
  readonly nowMs: number;
}) {
  const status = worstStatus(signals?.nodes.map((node) => node.health.state) ?? []);
  const sinceMs = signals?.nodes.find((node) => node.health.state === status)?.health.sinceMs;
  const { stable, canary: judged } = canary;
  return (
    <>
      <Chip>
        {stable.subset} → {judged.subset}
      </Chip>
      {judged.weight === 0 ? (
        <StatusPill status="healthy">{stable.subset} serves all</StatusPill>
      ) : (
        <StatusPill status={status}>
          {judged.subset} {WORDS[status]}
          {sinceMs !== undefined && `, since ${formatClock(sinceMs)}`}
        </StatusPill>
      )}
      <span title={formatStamp(canary.startedAtMs)}>
        Canary by {canary.startedBy}, started {formatSince(canary.startedAtMs, nowMs)}
      </span>
    </>
  );
}

/** The graph with the canary chosen; with its service while nothing runs it. */
function graphHref({ namespace, service, canary }: Canary): string {
  const [workload] = canary.workloads;
  const id = workload === undefined ? `service/${namespace}/${service}` : workloadNodeId(workload);
  return `/graph?sel=${encodeURIComponent(id)}`;
}

const WORDS = {
  healthy: "is healthy",
  degraded: "is degraded",
  failing: "is failing",
  idle: "gets no requests",
  unknown: "is not reported on",
  tcp: "carries TCP",
} as const;

function Facts({
  canary,
  callers,
}: {
  readonly canary: Canary;
  readonly callers: readonly string[] | undefined;
}) {
  return (
    <Card>
      <dl className={styles.facts}>
        <dt>Callers</dt>
        <dd>
          {callers === undefined
            ? "no data"
            : callers.length === 0
              ? "none in 30 s"
              : callers.join(", ")}
        </dd>
        <dt>Rule</dt>
        <dd>
          VirtualService {canary.virtualService}, route {canary.route}
        </dd>
        <dt>Workloads</dt>
        <dd>
          {[...canary.stable.workloads, ...canary.canary.workloads].join(", ") || "none registered"}
        </dd>
      </dl>
    </Card>
  );
}
