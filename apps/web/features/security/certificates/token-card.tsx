"use client";

import type { JoinTokenState } from "@heddle/contracts";
import { useState } from "react";
import { formatCounted } from "../../../lib/numbers.ts";
import { formatTimeLeft } from "../../../lib/times.ts";
import { Card } from "../../../ui/card.tsx";
import { Chip } from "../../../ui/chip.tsx";
import { CodeLine } from "../../../ui/code-line.tsx";
import { ConfirmInPlace } from "../../../ui/confirm-in-place.tsx";
import { EmptyState } from "../../../ui/empty-state.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { RelativeTime } from "../../../ui/relative-time.tsx";
import { Segmented } from "../../../ui/segmented.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../../ui/table.tsx";
import { useAdminReason } from "../use-admin-reason.ts";
import { isWithin } from "../within-namespace.ts";
import styles from "./certificate-card.module.css";
import { useJoinTokens, useRevokeToken } from "./identity-queries.ts";

const SHOWN = [
  { value: "usable", label: "Usable" },
  { value: "all", label: "All" },
] as const;

/** The tokens by which proxies join, who has joined by each, and how to take one back. */
export function TokenCard({
  namespace,
  nowMs,
}: {
  readonly namespace: string | undefined;
  readonly nowMs: number;
}) {
  const tokens = useJoinTokens();
  const [which, setWhich] = useState<(typeof SHOWN)[number]["value"]>("usable");
  const [revoking, setRevoking] = useState<string>();
  const within = tokens.data?.tokens.filter((one) => isWithin(namespace, one.namespace)) ?? [];
  const shown = within.filter(({ state }) => which === "all" || state === "usable");
  return (
    <Card
      title="Join tokens"
      caption={tokens.data && formatCounted(within.length, "token")}
      actions={<Segmented label="Tokens" choices={SHOWN} value={which} onChange={setWhich} />}
      isFlush
    >
      {tokens.isError && (
        <ErrorPart
          title="The join tokens are missing"
          detail={tokens.error.message}
          onRetry={() => void tokens.refetch()}
        />
      )}
      {tokens.isPending && <Skeleton heightPx={120} />}
      {tokens.data !== undefined && shown.length === 0 && (
        <EmptyState act={<CodeLine command="heddle token create --namespace shop" />}>
          {within.length === 0
            ? "No join token was made yet. A proxy of another host joins with one."
            : "No token can be used any more."}
        </EmptyState>
      )}
      {shown.length > 0 && (
        <Table label="Join tokens">
          <thead>
            <tr>
              <Th>Token</Th>
              <Th>For</Th>
              <Th isNumber className={styles.wideOnly}>
                Uses left
              </Th>
              <Th className={styles.wideOnly}>Joined by it</Th>
              <Th className={styles.wideOnly}>Made</Th>
              <Th>State</Th>
              <Th>
                <span className="visually-hidden">Acts</span>
              </Th>
            </tr>
          </thead>
          <tbody>
            {shown.map((token) => (
              <Row
                key={token.id}
                token={token}
                nowMs={nowMs}
                isRevoking={revoking === token.id}
                onRevoke={setRevoking}
              />
            ))}
          </tbody>
        </Table>
      )}
    </Card>
  );
}

function Row({
  token,
  nowMs,
  isRevoking,
  onRevoke,
}: {
  readonly token: JoinTokenState;
  readonly nowMs: number;
  readonly isRevoking: boolean;
  readonly onRevoke: (id: string | undefined) => void;
}) {
  const { id, namespace, workload, usesLeft, maxUses, proxies, createdBy, createdAtMs } = token;
  const names = proxies.map(({ name }) => name).join(", ");
  return (
    <>
      <Tr className={isRevoking ? styles.openRow : undefined}>
        <Td>
          <code>{id}</code>
        </Td>
        <Td>
          {workload === undefined ? `any workload of ${namespace}` : `${namespace}/${workload}`}
        </Td>
        <Td isNumber className={styles.wideOnly}>
          {usesLeft} of {maxUses}
        </Td>
        <Td className={styles.wideOnly}>
          <span title={names}>
            {proxies.length === 0 ? "nobody" : formatCounted(proxies.length, "proxy", "proxies")}
          </span>
        </Td>
        <Td className={styles.wideOnly}>
          <RelativeTime atMs={createdAtMs} /> <span className={styles.quiet}>by {createdBy}</span>
        </Td>
        <Td>
          <State token={token} nowMs={nowMs} />
        </Td>
        <Td isNumber>
          {token.state !== "revoked" && (
            <button
              type="button"
              className={styles.act}
              aria-expanded={isRevoking}
              aria-label={`Revoke join token ${id}`}
              onClick={() => onRevoke(isRevoking ? undefined : id)}
            >
              Revoke
            </button>
          )}
        </Td>
      </Tr>
      {isRevoking && (
        <tr>
          <td colSpan={7} className={styles.panel}>
            <Revoke token={token} onClose={() => onRevoke(undefined)} />
          </td>
        </tr>
      )}
    </>
  );
}

function State({ token, nowMs }: { readonly token: JoinTokenState; readonly nowMs: number }) {
  if (token.state === "usable") return <>{formatTimeLeft(token.expiresAtMs, nowMs)}</>;
  return (
    <span title={token.revokedBy && `by ${token.revokedBy}`}>
      <Chip tone={token.state === "revoked" ? "bad" : "idle"}>{token.state}</Chip>
    </span>
  );
}

function Revoke({
  token,
  onClose,
}: {
  readonly token: JoinTokenState;
  readonly onClose: () => void;
}) {
  const [reach, setReach] = useState<"token" | "proxies">("token");
  const revoke = useRevokeToken();
  const adminReason = useAdminReason(token.namespace);
  const disconnect = reach === "proxies";
  const joined = formatCounted(token.proxies.length, "proxy", "proxies");
  if (adminReason !== undefined) return <p>{adminReason}</p>;
  return (
    <>
      {revoke.isError && <ErrorPart title="Nothing was revoked" detail={revoke.error.message} />}
      {token.proxies.length > 0 && (
        <Segmented
          label="Reach"
          choices={[
            { value: "token", label: "The token alone" },
            { value: "proxies", label: `And ${joined}` },
          ]}
          value={reach}
          onChange={setReach}
        />
      )}
      <ConfirmInPlace
        question={`Revoke join token ${token.id}?`}
        act={disconnect ? `Revoke it and put ${joined} out` : "Revoke the token"}
        keep="Keep it"
        tone={disconnect ? "bad" : "accent"}
        isPending={revoke.isPending}
        onAct={() => revoke.mutate({ id: token.id, disconnect }, { onSuccess: onClose })}
        onKeep={onClose}
      >
        {disconnect
          ? `Nobody joins by it any more. ${token.proxies.map(({ name }) => name).join(", ")}: streams closed and certificates revoked at once; their workloads stop serving.`
          : "Nobody joins by it any more. Who has joined stays."}
      </ConfirmInPlace>
    </>
  );
}
