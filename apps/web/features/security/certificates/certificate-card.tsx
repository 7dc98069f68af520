"use client";

import type { IssuedCertificateState } from "@heddle/contracts";
import { useState } from "react";
import { formatCounted } from "../../../lib/numbers.ts";
import { Card } from "../../../ui/card.tsx";
import { Chip } from "../../../ui/chip.tsx";
import { EmptyState } from "../../../ui/empty-state.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../../ui/table.tsx";
import { isWithin } from "../within-namespace.ts";
import styles from "./certificate-card.module.css";
import { useCertificates } from "./identity-queries.ts";
import { LifeBar } from "./life-bar.tsx";
import { RevokePanel } from "./revoke-panel.tsx";

const FIRST_SHOWN = 25;

/** The certificates in use, the one that ends first, first; each can be revoked. */
export function CertificateCard({
  namespace,
  nowMs,
}: {
  readonly namespace: string | undefined;
  readonly nowMs: number;
}) {
  const certificates = useCertificates();
  const [isAll, setIsAll] = useState(false);
  const [revoking, setRevoking] = useState<string>();
  if (certificates.data === undefined) {
    return (
      <Card title="Certificates in use">
        {certificates.isError ? (
          <ErrorPart
            title="The certificates are missing"
            detail={certificates.error.message}
            onRetry={() => void certificates.refetch()}
          />
        ) : (
          <Skeleton heightPx={240} />
        )}
      </Card>
    );
  }
  const within = certificates.data.certificates.filter(
    ({ workload }) => workload === undefined || isWithin(namespace, workload.namespace),
  );
  const shown = isAll ? within : within.slice(0, FIRST_SHOWN);
  return (
    <Card
      title="Certificates in use"
      caption={`${formatCounted(certificates.data.total, "certificate")}, the one that ends first on top`}
      isFlush
    >
      {within.length === 0 ? (
        <EmptyState>No certificate is in use yet: no proxy has joined.</EmptyState>
      ) : (
        <Table label="Certificates in use">
          <thead>
            <tr>
              <Th>Holder</Th>
              <Th className={styles.wideOnly}>Proxy</Th>
              <Th>Time left</Th>
              <Th className={styles.wideOnly}>Issuer</Th>
              <Th className={styles.wideOnly}>Serial</Th>
              <Th>
                <span className="visually-hidden">Acts</span>
              </Th>
            </tr>
          </thead>
          <tbody>
            {shown.map((certificate) => (
              <Row
                key={certificate.serialNumber}
                certificate={certificate}
                nowMs={nowMs}
                isRevoking={revoking === certificate.serialNumber}
                onRevoke={setRevoking}
              />
            ))}
          </tbody>
        </Table>
      )}
      {within.length > shown.length && (
        <button type="button" className={styles.more} onClick={() => setIsAll(true)}>
          Show {within.length - shown.length} more
        </button>
      )}
    </Card>
  );
}

function Row({
  certificate,
  nowMs,
  isRevoking,
  onRevoke,
}: {
  readonly certificate: IssuedCertificateState;
  readonly nowMs: number;
  readonly isRevoking: boolean;
  readonly onRevoke: (serialNumber: string | undefined) => void;
}) {
  const { serialNumber, identity, workload, proxyName, revoked } = certificate;
  const name = workload === undefined ? proxyName : workload.name;
  return (
    <>
      <Tr className={isRevoking ? styles.openRow : undefined}>
        <Td>
          <b className={styles.name} title={identity}>
            {name}
          </b>{" "}
          <span className={styles.quiet}>{workload === undefined ? "the proxy's own" : ""}</span>
        </Td>
        <Td className={styles.wideOnly}>{proxyName}</Td>
        <Td>
          {revoked === undefined ? (
            <LifeBar
              notBeforeMs={certificate.notBeforeMs}
              notAfterMs={certificate.notAfterMs}
              nowMs={nowMs}
              isOverdue={certificate.isRenewalOverdue}
            />
          ) : (
            <span title={`${revoked.reason}, by ${revoked.by}`}>
              <Chip tone="bad">revoked</Chip>
            </span>
          )}
        </Td>
        <Td className={styles.wideOnly}>authority {certificate.issuerId}</Td>
        <Td className={styles.wideOnly}>
          <code className={styles.quiet} title={serialNumber}>
            {serialNumber.slice(0, 12)}…
          </code>
        </Td>
        <Td isNumber>
          {revoked === undefined && (
            <button
              type="button"
              className={styles.act}
              aria-expanded={isRevoking}
              aria-label={`Revoke the certificate of ${name}`}
              onClick={() => onRevoke(isRevoking ? undefined : serialNumber)}
            >
              Revoke
            </button>
          )}
        </Td>
      </Tr>
      {isRevoking && (
        <tr>
          <td colSpan={6} className={styles.panel}>
            <RevokePanel certificate={certificate} onClose={() => onRevoke(undefined)} />
          </td>
        </tr>
      )}
    </>
  );
}
