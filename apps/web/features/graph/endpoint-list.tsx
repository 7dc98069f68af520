"use client";
import type { EndpointDetail, GraphNode, ObservedEndpoint } from "@heddle/contracts";
import { useServiceEndpoints } from "../../lib/queries/use-traffic.ts";
import { formatClock } from "../../lib/times.ts";
import { ErrorPart } from "../../ui/error-part.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { PanelSection } from "../../ui/side-panel.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import type { Status } from "../../ui/status.ts";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import styles from "./endpoint-list.module.css";

/**
 * Each endpoint of a service with its state: as its own proxy reports it, and as the callers use it. Of an
 * edge, only what that caller does counts.
 */
export function EndpointList({
  node,
  caller,
}: {
  readonly node: GraphNode;
  readonly caller?: GraphNode | undefined;
}) {
  const service = node.service ?? node.address ?? "";
  const { data, isError, error, refetch, isPending } = useServiceEndpoints(node.namespace, service);
  if (node.kind === "outside") return null;
  if (isPending) {
    return (
      <PanelSection title="Endpoints">
        <Skeleton heightPx={28} />
      </PanelSection>
    );
  }
  if (isError) {
    if (node.kind === "external") return null; // no rule knows it: nothing is missing
    return (
      <PanelSection title="Endpoints">
        <ErrorPart
          title="The endpoints could not be read"
          detail={error.message}
          onRetry={() => void refetch()}
        />
      </PanelSection>
    );
  }
  const own = data.endpoints.filter(
    ({ workload }) => node.workload === undefined || workload === node.workload,
  );
  const isOf = (observed: ObservedEndpoint) => isSeenBy(observed, caller);
  const out = own.filter((one) => one.observed.some(isOf) || one.state !== "serving").length;
  return (
    <PanelSection
      title="Endpoints"
      caption={
        out === 0 ? `${own.length} in use` : `${own.length - out} of ${own.length} fully in use`
      }
    >
      {own.length === 0 && (
        <p className={styles.none}>
          {data.resolution === "none"
            ? "Each request goes to the address the app asked for."
            : "Nobody serves it: requests get 503 (UH)."}
        </p>
      )}
      <ul className={styles.endpoints}>
        {own.map((endpoint) => (
          <Endpoint
            key={endpoint.id}
            endpoint={endpoint}
            observed={endpoint.observed.filter(isOf)}
            namesCaller={caller === undefined}
          />
        ))}
        {data.unlisted.filter(isOf).map((observed) => (
          <li key={`${observed.endpointId} ${observed.proxyId}`}>
            <StatusGlyph status="degraded" isBesideWord />
            <code>{observed.endpointId}</code>
            <Observation observed={observed} namesCaller={caller === undefined} />
          </li>
        ))}
      </ul>
    </PanelSection>
  );
}

function isSeenBy({ source }: ObservedEndpoint, caller: GraphNode | undefined): boolean {
  if (caller?.workload === undefined) return true;
  return source.namespace === caller.namespace && source.name === caller.workload;
}

function Endpoint({
  endpoint,
  observed,
  namesCaller,
}: {
  readonly endpoint: EndpointDetail;
  readonly observed: readonly ObservedEndpoint[];
  readonly namesCaller: boolean;
}) {
  const { address, port, version, locality, state, leaseEndsAtMs } = endpoint;
  return (
    <li>
      <StatusGlyph status={statusOf(endpoint, observed)} isBesideWord />
      <span className={styles.address}>
        <code>
          {address}:{port}
        </code>
        {version !== undefined && <span className={styles.fact}>{version}</span>}
        {locality !== undefined && <span className={styles.fact}>{locality}</span>}
        {!endpoint.hasSidecar && <span className={styles.fact}>no sidecar</span>}
      </span>
      {state === "draining" && <span className={styles.state}>draining, gets no new requests</span>}
      {state === "disconnected" && (
        <span className={styles.state}>
          its proxy is disconnected
          {leaseEndsAtMs !== undefined && (
            <>
              , lease ends <RelativeTime atMs={leaseEndsAtMs} />
            </>
          )}
        </span>
      )}
      {observed.map((one) => (
        <Observation
          key={`${one.proxyId} ${one.source.name} ${one.subset}`}
          observed={one}
          namesCaller={namesCaller}
        />
      ))}
      {observed.length === 0 && state === "serving" && <span className={styles.state}>in use</span>}
    </li>
  );
}

const STATE_WORDS = {
  ejected: "ejected",
  open: "circuit open",
  warming: "warming up",
  unreachable: "unreachable",
} as const;

/** "ejected until 14:33:10, 5 times 503 in a row (storefront-v1)". */
function Observation({
  observed,
  namesCaller,
}: {
  readonly observed: ObservedEndpoint;
  readonly namesCaller: boolean;
}) {
  const { state, reason, untilMs, source } = observed;
  return (
    <span className={state === "warming" ? styles.state : styles.out}>
      {STATE_WORDS[state]}
      {untilMs !== undefined && ` until ${formatClock(untilMs)}`}: {reason}
      {namesCaller && ` (by ${source.name})`}
    </span>
  );
}

function statusOf({ state }: EndpointDetail, observed: readonly ObservedEndpoint[]): Status {
  if (observed.some((one) => one.state !== "warming")) return "failing";
  if (state === "disconnected") return "unknown";
  return state === "draining" || observed.length > 0 ? "degraded" : "healthy";
}
