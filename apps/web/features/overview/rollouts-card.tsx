"use client";

import type { CanariesResponse, Canary, GraphSnapshot } from "@heddle/contracts";
import type { UseQueryResult } from "@tanstack/react-query";
import Link from "next/link";
import { formatShare } from "../../lib/numbers.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { compareStatus, STATUS_WORDS, worstStatus } from "../../ui/status.ts";
import { StatusPill } from "../../ui/status-pill.tsx";
import { sideSignals } from "../rollouts/canary-signals.ts";
import styles from "./rollouts-card.module.css";

const MOST = 4;

/** Services between two versions, the worst canary first. */
export function RolloutsCard({
  canaries,
  snapshot,
  namespace,
}: {
  readonly canaries: UseQueryResult<CanariesResponse>;
  readonly snapshot: GraphSnapshot | undefined;
  readonly namespace: string | undefined;
}) {
  const shown = canaries.data?.canaries
    .filter((one) => namespace === undefined || one.namespace === namespace)
    .map((canary) => {
      const nodes = snapshot === undefined ? [] : sideSignals(snapshot, canary.canary).nodes;
      return { canary, status: worstStatus(nodes.map(({ health }) => health.state)) };
    })
    .sort((a, b) => compareStatus(a.status, b.status));
  return (
    <Card title="Rollouts" actions={<Link href="/rollouts">All</Link>} isFlush>
      {canaries.isError && (
        <ErrorPart
          title="The rollouts are missing"
          detail={canaries.error.message}
          onRetry={() => void canaries.refetch()}
        />
      )}
      {canaries.isPending && <Skeleton heightPx={80} waitsFor="the control plane" />}
      {shown?.length === 0 && <p className={styles.none}>No service is between two versions.</p>}
      {shown?.slice(0, MOST).map(({ canary, status }) => (
        <div key={`${canary.namespace}/${canary.service}`} className={styles.rollout}>
          <p className={styles.head}>
            <Link
              href={`/rollouts/${encodeURIComponent(canary.namespace)}/${encodeURIComponent(canary.service)}`}
              className={styles.name}
            >
              {canary.service}
            </Link>
            <Chip>
              {canary.stable.subset} → {canary.canary.subset}
            </Chip>
            <span className={styles.state}>
              <StatusPill status={status}>
                {STATUS_WORDS[status]} at {formatShare(canary.canary.share)}
              </StatusPill>
            </span>
          </p>
          <Shares canary={canary} />
          <p className={styles.since}>
            by {canary.startedBy}, <RelativeTime atMs={canary.startedAtMs} />
          </p>
        </div>
      ))}
      {shown !== undefined && shown.length > MOST && (
        <p className={styles.none}>and {shown.length - MOST} more</p>
      )}
    </Card>
  );
}

function Shares({ canary: { stable, canary } }: { readonly canary: Canary }) {
  return (
    <div
      className={styles.bar}
      role="img"
      aria-label={`${formatShare(stable.share)} to ${stable.subset}, ${formatShare(canary.share)} to ${canary.subset}`}
    >
      <span style={{ flexGrow: stable.share }} />
      {canary.share > 0 && <span className={styles.canary} style={{ flexGrow: canary.share }} />}
    </div>
  );
}
