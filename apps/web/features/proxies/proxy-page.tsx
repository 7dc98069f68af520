"use client";

import type { ProxyDetail } from "@heddle/contracts";
import Link from "next/link";
import { ApiError } from "../../lib/api-error.ts";
import { formatCount, formatCounted } from "../../lib/numbers.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { StatusPill } from "../../ui/status-pill.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import { useLivePage } from "../session/use-live-page.ts";
import styles from "./proxy-page.module.css";
import { useProxy } from "./proxy-queries.ts";
import { KIND_WORDS, viewOfSync } from "./proxy-sync.ts";
import { RevisionLink } from "./revision-link.tsx";
import { RunningConfig } from "./running-config.tsx";
import { SyncPill } from "./sync-pill.tsx";

/** One proxy closely: what it was sent and has taken by kind, what it refused, and what it really runs. */
export function ProxyPage({ proxyId }: { readonly proxyId: string }) {
  const proxy = useProxy(proxyId);
  useLivePage(proxy.dataUpdatedAt);
  const { data } = proxy;
  if (data === undefined) {
    return (
      <PageFrame title="Proxy">
        {proxy.isPending ? (
          <Skeleton heightPx={320} waitsFor="the control plane" />
        ) : proxy.error instanceof ApiError && proxy.error.status === 404 ? (
          <Card>
            <EmptyState act={<Link href="/proxies">All proxies</Link>}>
              There is no proxy {proxyId}; it has left the mesh, or never was in it.
            </EmptyState>
          </Card>
        ) : (
          <ErrorPart
            title="The proxy is missing"
            detail={proxy.error?.message}
            onRetry={() => void proxy.refetch()}
          />
        )}
      </PageFrame>
    );
  }
  return (
    <PageFrame
      title={data.name}
      status={
        <>
          <SyncPill proxy={data} />
          <span>
            since <RelativeTime atMs={data.sinceMs} />
          </span>
          <Chip>{data.version}</Chip>
          {!data.connected && (
            <span>
              last seen <RelativeTime atMs={data.lastSeenAtMs} />
            </span>
          )}
        </>
      }
      actions={<Link href="/proxies">All proxies</Link>}
    >
      {proxy.isError && (
        <ErrorPart
          title="This is as of a while ago"
          detail={proxy.error.message}
          onRetry={() => void proxy.refetch()}
        />
      )}
      {data.warnings?.map((warning) => (
        <p key={warning} className={styles.warning}>
          <StatusGlyph status="degraded" sizePx={14} isBesideWord /> {warning}
        </p>
      ))}
      <div className={styles.columns}>
        <KindsCard proxy={data} />
        <FactsCard proxy={data} />
      </div>
      {data.refused.length > 0 && <RefusedCard proxy={data} />}
      <RunningConfig proxy={data} />
    </PageFrame>
  );
}

function KindsCard({ proxy }: { readonly proxy: ProxyDetail }) {
  return (
    <Card title="What it was sent" caption="by kind" isFlush>
      {proxy.kinds.length === 0 ? (
        <EmptyState>Nothing is to be sent to it.</EmptyState>
      ) : (
        <Table label="What it was sent, by kind">
          <thead>
            <tr>
              <Th>Kind</Th>
              <Th>State</Th>
              <Th>Since</Th>
              <Th isNumber>Taken</Th>
              <Th>Last sent</Th>
              <Th>Last taken</Th>
            </tr>
          </thead>
          <tbody>
            {proxy.kinds.map((kind) => {
              const view = viewOfSync(kind.sync);
              return (
                <Tr key={kind.kind} tone={kind.sync === "ERROR" ? "bad" : undefined}>
                  <Td>
                    <b title={KIND_WORDS[kind.kind].words}>{KIND_WORDS[kind.kind].name}</b>
                  </Td>
                  <Td>
                    <span title={view.words}>
                      <StatusPill status={view.status}>{view.word}</StatusPill>
                    </span>
                  </Td>
                  <Td>
                    <RelativeTime atMs={kind.sinceMs} />
                  </Td>
                  <Td isNumber>
                    {formatCount(kind.acked)} of {formatCount(kind.total)}
                  </Td>
                  <Td>
                    <Moment atMs={kind.lastSentMs} />
                  </Td>
                  <Td>
                    <Moment atMs={kind.lastAckedMs} />
                  </Td>
                </Tr>
              );
            })}
          </tbody>
        </Table>
      )}
    </Card>
  );
}

function Moment({ atMs }: { readonly atMs: number | undefined }) {
  if (atMs !== undefined) return <RelativeTime atMs={atMs} />;
  return (
    <span className={styles.quiet} title="Not on the stream it has now">
      not on this stream
    </span>
  );
}

function FactsCard({ proxy }: { readonly proxy: ProxyDetail }) {
  return (
    <Card title="Proxy">
      <dl className={styles.facts}>
        <dt>Id</dt>
        <dd>
          <code>{proxy.proxyId}</code>
        </dd>
        <dt>Workloads</dt>
        <dd>{proxy.workloads.join(", ") || "none"}</dd>
        <dt>Calls</dt>
        <dd>
          <Destinations proxy={proxy} />
        </dd>
        <dt>Last revision sent</dt>
        <dd>
          <RevisionLink revision={proxy.sentRevision} />
        </dd>
        <dt>Last revision taken</dt>
        <dd>
          <RevisionLink revision={proxy.ackedRevision} />
        </dd>
        <dt>Version</dt>
        <dd>
          {proxy.version}
          {proxy.version !== proxy.controlPlaneVersion && (
            <> (control plane {proxy.controlPlaneVersion})</>
          )}
        </dd>
      </dl>
    </Card>
  );
}

const MOST_DESTINATIONS = 12;

function Destinations({ proxy }: { readonly proxy: ProxyDetail }) {
  const names = proxy.destinations.map(({ host, service }) =>
    service === null ? `${host} (outside the mesh)` : host,
  );
  if (names.length === 0) return <>nobody so far</>;
  const rest = names.length - MOST_DESTINATIONS;
  return (
    <span title={names.join(", ")}>
      {names.slice(0, MOST_DESTINATIONS).join(", ")}
      {rest > 0 && ` and ${formatCounted(rest, "more", "more")}`}
    </span>
  );
}

function RefusedCard({ proxy }: { readonly proxy: ProxyDetail }) {
  return (
    <Card
      title="Refused"
      caption="what it ran before, it still runs; sent again only when it changes"
      tone="bad"
      isFlush
    >
      <Table label="Refused resources">
        <thead>
          <tr>
            <Th>Resource</Th>
            <Th>When</Th>
            <Th>Why</Th>
          </tr>
        </thead>
        <tbody>
          {proxy.refused.map((one) => (
            <Tr key={`${one.key} ${one.version}`} tone="bad">
              <Td>
                <code>{one.key}</code>
              </Td>
              <Td>
                <RelativeTime atMs={one.atMs} />
              </Td>
              <Td className={styles.reason}>{one.reason}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}
