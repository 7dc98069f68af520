"use client";

import type { IdentityResponse } from "@heddle/contracts";
import Link from "next/link";
import { formatCounted } from "../../lib/numbers.ts";
import { useWorkloads } from "../../lib/queries/use-mesh-state.ts";
import { formatRoughDuration, formatStamp } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { useIdentity } from "../security/certificates/identity-queries.ts";
import styles from "./facts-card.module.css";
import { binRenewals, renewalsOf } from "./renewals.ts";

const BINS = 32;

/** Which certificate is renewed next, how renewals lie over the time to come, and how long the root lasts. */
export function CertificatesCard({
  namespace,
  nowMs,
}: {
  readonly namespace: string | undefined;
  readonly nowMs: number;
}) {
  const identity = useIdentity();
  const workloads = useWorkloads();
  const { data } = identity;
  const failed = identity.error ?? workloads.error;
  return (
    <Card
      title="Certificates"
      actions={data !== undefined ? <Verdict identity={data} /> : undefined}
    >
      {failed !== null && (
        <ErrorPart
          title="The certificates are missing"
          detail={failed.message}
          onRetry={() => void Promise.all([identity.refetch(), workloads.refetch()])}
        />
      )}
      {failed === null && (data === undefined || workloads.data === undefined) && (
        <Skeleton heightPx={120} waitsFor="the control plane" />
      )}
      {data !== undefined && workloads.data !== undefined && (
        <Facts
          identity={data}
          renewals={renewalsOf(
            workloads.data.workloads.filter(
              (one) => namespace === undefined || one.namespace === namespace,
            ),
            data.workloadCertificateTtlSeconds * 1000,
          )}
          nowMs={nowMs}
        />
      )}
    </Card>
  );
}

function Verdict({ identity }: { readonly identity: IdentityResponse }) {
  const [worst, ...rest] = identity.alarms;
  if (worst === undefined) {
    return (
      <Link href="/security/certificates" className={styles.verdict} data-tone="ok">
        <StatusGlyph status="healthy" isBesideWord /> All renew on time
      </Link>
    );
  }
  const isCritical = worst.severity === "critical";
  return (
    <Link
      href="/security/certificates"
      className={styles.verdict}
      data-tone={isCritical ? "bad" : "warn"}
      title={worst.message}
    >
      <StatusGlyph status={isCritical ? "failing" : "degraded"} isBesideWord />{" "}
      {formatCounted(rest.length + 1, "alarm")}
    </Link>
  );
}

function Facts({
  identity,
  renewals,
  nowMs,
}: {
  readonly identity: IdentityResponse;
  readonly renewals: ReturnType<typeof renewalsOf>;
  readonly nowMs: number;
}) {
  const [next] = renewals;
  const spanMs = (identity.workloadCertificateTtlSeconds * 1000) / 2;
  const bins = binRenewals(renewals, nowMs, nowMs + spanMs, BINS);
  const most = Math.max(...bins, 1);
  const root = identity.authorities.find(
    ({ role, state }) => role === "root" && state === "signing",
  );
  return (
    <>
      <dl className={styles.facts}>
        <dt>Next to renew</dt>
        <dd title={next && formatStamp(next.atMs)}>
          {next === undefined
            ? "none"
            : `${next.workload}, ${next.atMs <= nowMs ? "now" : `in ${formatRoughDuration(next.atMs - nowMs)}`}`}
        </dd>
      </dl>
      <div
        className={styles.bins}
        role="img"
        aria-label={`${formatCounted(renewals.length, "renewal")} within ${formatRoughDuration(spanMs)}`}
      >
        {bins.map((count, index) => (
          <span key={index} style={{ height: `${(count / most) * 100}%` }} />
        ))}
      </div>
      <p className={styles.axis}>
        <span>now</span>
        <span>{formatRoughDuration(spanMs / 2)}</span>
        <span>{formatRoughDuration(spanMs)}</span>
      </p>
      <dl className={styles.facts}>
        <dt>Root</dt>
        <dd title={root && formatStamp(root.notAfterMs)}>
          {root === undefined ? "none signs" : `${formatYears(root.notAfterMs - nowMs)} left`}
        </dd>
      </dl>
    </>
  );
}

const YEAR_MS = 31_557_600_000;

/** `9 years`; below two years as other lengths are told. */
function formatYears(lengthMs: number): string {
  return lengthMs < 2 * YEAR_MS
    ? formatRoughDuration(lengthMs)
    : formatCounted(Math.floor(lengthMs / YEAR_MS), "year");
}
