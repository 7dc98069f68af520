"use client";

import type { IdentityResponse } from "@heddle/contracts";
import { useSearchParams } from "next/navigation";
import { formatCounted } from "../../../lib/numbers.ts";
import { formatRoughDuration } from "../../../lib/times.ts";
import { useNowMs } from "../../../ui/clock.ts";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import { AuthorityCard } from "./authority-card.tsx";
import { CertificateCard } from "./certificate-card.tsx";
import styles from "./certificates-tab.module.css";
import { useIdentity } from "./identity-queries.ts";
import { RotationCard } from "./rotation-card.tsx";
import { TokenCard } from "./token-card.tsx";

/** Who vouches for whom and until when; how one root takes another's place; who may join. */
export function CertificatesTab() {
  const identity = useIdentity();
  const namespace = useSearchParams().get("ns") ?? undefined;
  const nowMs = useNowMs() ?? 0;
  return (
    <>
      {identity.isError && (
        <ErrorPart
          title={
            identity.data === undefined
              ? "The authorities are missing"
              : "The authorities are as of a while ago"
          }
          detail={identity.error.message}
          onRetry={() => void identity.refetch()}
        />
      )}
      {identity.isPending && <Skeleton heightPx={200} />}
      {identity.data !== undefined && (
        <>
          <Alarms alarms={identity.data.alarms} />
          <p className={styles.facts}>{factsOf(identity.data)}</p>
          <RotationCard identity={identity.data} nowMs={nowMs} />
          <AuthorityCard identity={identity.data} nowMs={nowMs} />
        </>
      )}
      <CertificateCard namespace={namespace} nowMs={nowMs} />
      <TokenCard namespace={namespace} nowMs={nowMs} />
    </>
  );
}

function factsOf({ trustDomain, trustDomainAliases, ...identity }: IdentityResponse): string {
  const { inUse, revoked } = identity.certificates;
  const aliases = trustDomainAliases.length === 0 ? "" : ` (also ${trustDomainAliases.join(", ")})`;
  const life = formatRoughDuration(identity.workloadCertificateTtlSeconds * 1000);
  return [
    `Trust domain ${trustDomain}${aliases}`,
    `certificates live ${life}, renewed at half of it`,
    `${formatCounted(inUse, "certificate")} in use`,
    ...(revoked > 0 ? [`${revoked} revoked`] : []),
  ].join("; ");
}

function Alarms({ alarms }: Pick<IdentityResponse, "alarms">) {
  if (alarms.length === 0) return null;
  return (
    <ul className={styles.alarms} aria-label="Alarms">
      {alarms.map(({ code, severity, message, advice }) => (
        <li key={`${code} ${message}`} className={styles.alarm} data-severity={severity}>
          <StatusGlyph
            status={severity === "critical" ? "failing" : "degraded"}
            sizePx={14}
            isBesideWord
          />
          <span>
            <b>{message}</b> {advice}
          </span>
        </li>
      ))}
    </ul>
  );
}
