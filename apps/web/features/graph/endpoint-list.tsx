"use client";
import type {
  EndpointDetail,
  EndpointsResponse,
  GraphNode,
  ObservedEndpoint,
} from "@heddle/contracts";
import { useState } from "react";
import { ApiError } from "../../lib/api-error.ts";
import { formatCount } from "../../lib/numbers.ts";
import { useServiceEndpoints } from "../../lib/queries/use-traffic.ts";
import { formatClock, formatStamp, formatTimeLeft } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { useNowMs } from "../../ui/clock.ts";
import { ErrorPart } from "../../ui/error-part.tsx";
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
  callersNamespace = caller?.namespace,
}: {
  readonly node: GraphNode;
  readonly caller?: GraphNode | undefined;
  /** Where the rule stands that names a host outside, which has no namespace of its own. */
  readonly callersNamespace?: string | undefined;
}) {
  const service = node.service ?? node.address ?? "";
  const { data, error, isError, refetch, dataUpdatedAt } = useServiceEndpoints(
    node.namespace === "" ? (callersNamespace ?? "") : node.namespace,
    service,
    node.kind !== "outside",
  );
  const [showsAll, setShowsAll] = useState(false);
  if (node.kind === "outside") return null;
  if (data === undefined) {
    if (node.kind === "external" && isMissing(error)) return null; // no rule knows it: nothing is missing
    return (
      <PanelSection title="Endpoints">
        {isError ? (
          <ErrorPart
            title="The endpoints could not be read"
            detail={error.message}
            onRetry={() => void refetch()}
          />
        ) : (
          <Skeleton heightPx={24} />
        )}
      </PanelSection>
    );
  }
  const own = data.endpoints.filter(
    ({ workload }) => node.workload === undefined || workload === node.workload,
  );
  const isOf = (observed: ObservedEndpoint) => isSeenBy(observed, caller);
  const isInUse = (one: EndpointDetail) => one.state === "serving" && !one.observed.some(isOf);
  const inUse = own.filter(isInUse).length;
  const isShort = showsAll || own.length <= MOST_SHOWN;
  // Of many, those that are out come first: in a short list nothing moves.
  const shown = isShort
    ? own
    : own.toSorted((a, b) => Number(isInUse(a)) - Number(isInUse(b))).slice(0, MOST_SHOWN);
  return (
    <PanelSection
      title="Endpoints"
      caption={isError ? `as of ${formatClock(dataUpdatedAt)}` : countInWords(inUse, own.length)}
    >
      {own.length === 0 && (
        <p className={styles.none}>
          {data.resolution === "none"
            ? "Each request goes to the address the app asked for."
            : `Nobody serves it: ${isOpaque(data.ports) ? "connections are closed" : "requests get 503"} (UH).`}
        </p>
      )}
      <ul className={styles.endpoints} data-stale={isError || undefined}>
        {shown.map((endpoint) => (
          <Endpoint
            key={endpoint.id}
            endpoint={endpoint}
            observed={endpoint.observed.filter(isOf)}
            namesCaller={caller === undefined}
          />
        ))}
        {data.unlisted.filter(isOf).map((observed) => (
          <li key={`${observed.endpointId} ${observed.proxyId} ${observed.source.name}`}>
            <StatusGlyph status={statusOf("serving", [observed])} isBesideWord />
            <code>{observed.endpointId}</code>
            <Observation observed={observed} namesCaller={caller === undefined} />
          </li>
        ))}
      </ul>
      {!isShort && (
        <Button kind="ghost" size="toolbar" onClick={() => setShowsAll(true)}>
          Show all {formatCount(own.length)}
        </Button>
      )}
    </PanelSection>
  );
}

const MOST_SHOWN = 8;

function isOpaque(ports: EndpointsResponse["ports"]): boolean {
  return (
    ports.length > 0 && ports.every(({ protocol }) => protocol === "tcp" || protocol === "tls")
  );
}

function isMissing(error: Error | null): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** "1 of 2 in use", "2 in use"; nobody: nothing, the list says it. */
function countInWords(inUse: number, all: number): string | undefined {
  if (all === 0) return undefined;
  const total = formatCount(all);
  return inUse === all ? `${total} in use` : `${formatCount(inUse)} of ${total} in use`;
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
  const { address, port, version, locality, state, leaseEndsAtMs, document, source, override } =
    endpoint;
  return (
    <li>
      <StatusGlyph status={statusOf(state, observed)} isBesideWord />
      <span className={styles.address}>
        <code>
          {address}:{port}
        </code>
        {version !== undefined && <span className={styles.fact}>{version}</span>}
        {locality !== undefined && <span className={styles.fact}>{locality}</span>}
        {!endpoint.hasSidecar && <span className={styles.fact}>no sidecar</span>}
        {document !== undefined && (
          <span className={styles.fact}>
            by {document}
            {source !== undefined && `, from ${source}`}
          </span>
        )}
      </span>
      {override !== undefined && <Override override={override} />}
      {state === "draining" && override?.isDrained !== true && (
        <span className={styles.state}>draining: gets no new requests</span>
      )}
      {state === "disconnected" && (
        <span className={styles.state}>
          its proxy is away
          {leaseEndsAtMs !== undefined && <Lease endsAtMs={leaseEndsAtMs} />}
        </span>
      )}
      {observed.map((one) => (
        <Observation
          key={`${one.proxyId} ${one.source.name} ${one.subset}`}
          observed={one}
          namesCaller={namesCaller}
        />
      ))}
    </li>
  );
}

/** "Taken out by ada: its disk is slow", "weight 3, set by ada until 14:30:00". */
function Override({ override }: { readonly override: NonNullable<EndpointDetail["override"]> }) {
  const { isDrained, weight, labels = {}, locality, by, reason, untilMs, atMs } = override;
  const set = [
    ...(weight === undefined ? [] : [`weight ${weight}`]),
    ...Object.entries(labels).map(([name, value]) => `${name}=${value}`),
    ...(locality === undefined ? [] : [`locality ${locality}`]),
  ].join(", ");
  return (
    <span className={styles.state} title={formatStamp(atMs)}>
      {isDrained && <b>Taken out{set === "" ? "" : `, ${set}`}</b>}
      {!isDrained && `${set}, set`}
      {by !== undefined && ` by ${by}`}
      {untilMs !== undefined && ` until ${formatStamp(untilMs)}`}
      {reason !== undefined && `: ${reason}`}
    </span>
  );
}

/** How long it is still used without a word from its proxy. */
function Lease({ endsAtMs }: { readonly endsAtMs: number }) {
  const nowMs = useNowMs();
  return nowMs === undefined ? null : `, lease: ${formatTimeLeft(endsAtMs, nowMs)}`;
}

const STATE_WORDS = {
  ejected: "Ejected",
  open: "Circuit open",
  warming: "Warming up",
  unreachable: "Unreachable",
} as const;

/** "Ejected since 14:32:40, until 14:33:10: 5 times 503 in a row, by storefront-v1". */
function Observation({
  observed,
  namesCaller,
}: {
  readonly observed: ObservedEndpoint;
  readonly namesCaller: boolean;
}) {
  const { state, reason, sinceMs, untilMs, source, subset } = observed;
  return (
    <span className={state === "warming" ? styles.state : styles.out} title={formatStamp(sinceMs)}>
      <b>{STATE_WORDS[state]}</b> since {formatClock(sinceMs)}
      {untilMs !== undefined && `, until ${formatClock(untilMs)}`}: {reason}
      {namesCaller && `, seen by ${source.name}`}
      {subset !== undefined && ` (subset ${subset})`}
    </span>
  );
}

function statusOf(state: EndpointDetail["state"], observed: readonly ObservedEndpoint[]): Status {
  if (observed.some((one) => one.state !== "warming")) return "failing";
  if (state === "disconnected") return "unknown";
  return state === "draining" || observed.length > 0 ? "degraded" : "healthy";
}
