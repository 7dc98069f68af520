"use client";

import { type ReplicaState, ReplicasResponse } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { getJson } from "../../lib/api-client.ts";
import { formatCount } from "../../lib/numbers.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import styles from "./proxies-page.module.css";

const EVERY_MS = 5000;

/** The control planes over one database: who lives, what each has pushed, and whose proxies they are. */
export function ReplicasCard() {
  const replicas = useQuery({
    queryKey: queryKeys.replicas,
    queryFn: ({ signal }) => getJson("/replicas", ReplicasResponse, signal),
    refetchInterval: EVERY_MS,
  });
  if (replicas.isError && replicas.data === undefined) {
    return (
      <ErrorPart
        title="The control planes are missing"
        detail={replicas.error.message}
        onRetry={() => void replicas.refetch()}
      />
    );
  }
  if (replicas.data === undefined) return null;
  return (
    <Card title="Control planes" caption={liveWords(replicas.data.replicas)} isFlush>
      <Table label="Control planes">
        <thead>
          <tr>
            <Th>Control plane</Th>
            <Th>State</Th>
            <Th>Started</Th>
            <Th isNumber>Proxies</Th>
            <Th isNumber>Revision</Th>
            <Th className={styles.wide}>Duties</Th>
          </tr>
        </thead>
        <tbody>
          {replicas.data.replicas.map((one) => (
            <ReplicaRow key={one.id} replica={one} />
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

function ReplicaRow({ replica }: { readonly replica: ReplicaState }) {
  const { name, controlAddress, isAlive, isAnswering, duties, version } = replica;
  return (
    <Tr tone={isAlive ? undefined : "bad"}>
      <Td title={`${controlAddress}, version ${version}`}>
        <b>{name}</b>
        {isAnswering && (
          <span className={styles.stage}>
            <Chip>answers you</Chip>
          </span>
        )}
      </Td>
      <Td>
        <StatusGlyph status={isAlive ? "healthy" : "failing"} isBesideWord />{" "}
        {isAlive ? (
          "Lives"
        ) : (
          <>
            Silent, last heard <RelativeTime atMs={replica.seenAtMs} />
          </>
        )}
      </Td>
      <Td>
        <RelativeTime atMs={replica.startedAtMs} />
      </Td>
      <Td isNumber>{formatCount(replica.proxiesConnected)}</Td>
      <Td isNumber>{replica.revision === 0 ? "none" : replica.revision}</Td>
      <Td className={styles.wide}>
        <span className={styles.quiet} title={duties.join(", ")}>
          {duties.length === 0 ? "none" : formatCount(duties.length)}
        </span>
      </Td>
    </Tr>
  );
}

function liveWords(replicas: readonly ReplicaState[]): string {
  const alive = replicas.filter(({ isAlive }) => isAlive).length;
  return alive === replicas.length
    ? "over one database"
    : `${alive} of ${replicas.length} live; proxies have turned to them`;
}
