"use client";

import { type RegistrySource, RegistrySourcesResponse } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { getJson } from "../../lib/api-client.ts";
import { formatCount, formatCounted } from "../../lib/numbers.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { Card } from "../../ui/card.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import styles from "./sources-card.module.css";

const EVERY_MS = 10_000;

/** Where instances come from beside proxies: watched directories, DNS, scripts. Nothing where there is none. */
export function SourcesCard() {
  const sources = useQuery({
    queryKey: queryKeys.sources,
    queryFn: ({ signal }) => getJson("/registry/sources", RegistrySourcesResponse, signal),
    refetchInterval: EVERY_MS,
  });
  if (sources.isError && sources.data === undefined) {
    return (
      <ErrorPart
        title="The registry's sources are missing"
        detail={sources.error.message}
        onRetry={() => void sources.refetch()}
      />
    );
  }
  const shown = sources.data?.sources.filter(({ kind, count }) => kind !== "api" || count > 0);
  if (shown === undefined || shown.length === 0) return null;
  return (
    <Card title="Registry sources" caption="who is in the mesh without a proxy of its own" isFlush>
      <Table label="Registry sources">
        <thead>
          <tr>
            <Th>Source</Th>
            <Th>State</Th>
            <Th>Since</Th>
            <Th isNumber>Entries</Th>
            <Th>Last change</Th>
          </tr>
        </thead>
        <tbody>
          {shown.map((source) => (
            <SourceRow key={source.name} source={source} />
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

function SourceRow({ source }: { readonly source: RegistrySource }) {
  const { name, state, sinceMs, count, lastChangeAtMs, faults, holds, readBy } = source;
  const isOk = state === "ok";
  return (
    <>
      <Tr tone={isOk ? undefined : "bad"}>
        <Td className={styles.name} title={readBy === undefined ? undefined : `read by ${readBy}`}>
          {name}
        </Td>
        <Td>
          <StatusGlyph status={isOk ? "healthy" : "failing"} isBesideWord />{" "}
          {isOk ? "Read" : "Not read"}
          {holds.length > 0 && (
            <>
              , <Link href="/overview#holds">{formatCount(holds.length)} held</Link>
            </>
          )}
        </Td>
        <Td>
          <RelativeTime atMs={sinceMs} />
        </Td>
        <Td isNumber>{formatCount(count)}</Td>
        <Td>{lastChangeAtMs === undefined ? "none" : <RelativeTime atMs={lastChangeAtMs} />}</Td>
      </Tr>
      {faults.length > 0 && (
        <Tr tone={isOk ? undefined : "bad"}>
          <Td colSpan={5} className={styles.faults}>
            {faults.slice(0, MOST_FAULTS).map((fault) => (
              <p key={`${fault.file} ${fault.line} ${fault.message}`}>
                {fault.file !== undefined && (
                  <code>
                    {fault.file}
                    {fault.line !== undefined && `:${fault.line}`}
                  </code>
                )}{" "}
                {fault.message}
              </p>
            ))}
            {faults.length > MOST_FAULTS && (
              <p>and {formatCounted(faults.length - MOST_FAULTS, "more fault")}</p>
            )}
          </Td>
        </Tr>
      )}
    </>
  );
}

const MOST_FAULTS = 5;
