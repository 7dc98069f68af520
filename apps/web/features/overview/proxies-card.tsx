"use client";

import type { ProxyState, RevisionSummary } from "@heddle/contracts";
import Link from "next/link";
import { formatCount } from "../../lib/numbers.ts";
import { useProxies } from "../../lib/queries/use-mesh-state.ts";
import { useRevision } from "../../lib/queries/use-revisions.ts";
import { formatDuration } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { isInStep, sortProxies, syncView } from "../proxies/proxy-sync.ts";
import styles from "./facts-card.module.css";

const MOST_SQUARES = 60;

/** How many proxies run what they should, one square each, the worst first. */
export function ProxiesCard({
  namespace,
  newest,
}: {
  readonly namespace: string | undefined;
  /** The newest revision; absent: not known, or nothing was changed yet. */
  readonly newest: RevisionSummary | undefined;
}) {
  const proxies = useProxies();
  const spread = useRevision(newest?.revision).data?.propagation;
  const shown = proxies.data?.proxies.filter(
    ({ workloads }) =>
      namespace === undefined || workloads.some((name) => name.startsWith(`${namespace}/`)),
  );
  return (
    <Card
      title="Proxies"
      actions={shown !== undefined && shown.length > 0 ? <Verdict proxies={shown} /> : undefined}
    >
      {proxies.isError && (
        <ErrorPart
          title="The proxies are missing"
          detail={proxies.error.message}
          onRetry={() => void proxies.refetch()}
        />
      )}
      {proxies.isPending && <Skeleton heightPx={120} waitsFor="the control plane" />}
      {shown?.length === 0 && <p className={styles.none}>No proxy has joined yet.</p>}
      {shown !== undefined && shown.length > 0 && (
        <>
          <ul className={styles.squares}>
            {sortProxies(shown)
              .slice(0, MOST_SQUARES)
              .map((proxy) => (
                <Square key={proxy.proxyId} proxy={proxy} />
              ))}
            {shown.length > MOST_SQUARES && <li>and {shown.length - MOST_SQUARES} more</li>}
          </ul>
          <dl className={styles.facts}>
            {newest !== undefined && spread?.proxiesTotal === 0 && (
              <>
                <dt>Revision {newest.revision}, the newest</dt>
                <dd>concerned no proxy</dd>
              </>
            )}
            {newest !== undefined && spread !== undefined && spread.proxiesTotal > 0 && (
              <>
                <dt>Took revision {newest.revision}</dt>
                <dd>
                  {formatCount(spread.proxiesAcked)} of {formatCount(spread.proxiesTotal)} concerned
                </dd>
                <dt>Slowest to take it</dt>
                <dd>
                  {spread.ackedAfterMs === undefined
                    ? "not all have"
                    : formatDuration(Math.round(spread.ackedAfterMs))}
                </dd>
              </>
            )}
            <dt>Without connection, serving on</dt>
            <dd>{formatCount(shown.filter(({ connected }) => !connected).length)}</dd>
          </dl>
        </>
      )}
    </Card>
  );
}

function Square({ proxy }: { readonly proxy: ProxyState }) {
  const { status, word } = syncView(proxy);
  return (
    <li>
      <Link
        href={`/proxies/${encodeURIComponent(proxy.proxyId)}`}
        className={styles.square}
        data-status={status}
        aria-label={`${proxy.name}: ${word}`}
        title={`${proxy.name}: ${word}`}
      >
        {status !== "healthy" && <StatusGlyph status={status} isBesideWord />}
      </Link>
    </li>
  );
}

function Verdict({ proxies }: { readonly proxies: readonly ProxyState[] }) {
  const inStep = proxies.filter(isInStep).length;
  const isAll = inStep === proxies.length;
  return (
    <Link href="/proxies" className={styles.verdict} data-tone={isAll ? "ok" : "warn"}>
      <StatusGlyph status={isAll ? "healthy" : "degraded"} isBesideWord /> {inStep} of{" "}
      {proxies.length} in step
    </Link>
  );
}
