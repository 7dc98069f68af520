"use client";
import type { Canary, GraphEdge, GraphNode, GraphSnapshot } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import { formatPercentNumber, NO_DATA } from "../../lib/numbers.ts";
import { Chip } from "../../ui/chip.tsx";
import { Shield } from "../../ui/shield.tsx";
import { SidePanel } from "../../ui/side-panel.tsx";
import { BypassSection } from "../bypass/bypass-section.tsx";
import { TapSection } from "../tap/tap-section.tsx";
import type { DeniedOnEdge } from "./denied-edges.ts";
import { DeniedSection } from "./denied-section.tsx";
import { EndpointList } from "./endpoint-list.tsx";
import { edgeStatus, siblingEdge } from "./graph-model.ts";
import { seriesQuery } from "./graph-queries.ts";
import { LastRequests } from "./last-requests.tsx";
import { PanelActs } from "./panel-acts.tsx";
import { PanelHead } from "./panel-head.tsx";
import styles from "./panels.module.css";
import { LiveOnly, usePastMs } from "./past-moment.tsx";
import { RulesInForce } from "./rules-in-force.tsx";
import { Figure, KeyFigures, Latencies } from "./signal-figures.tsx";
import { TcpFigures, TcpKeyFigures } from "./tcp-figures.tsx";
import { WhoFailed } from "./who-failed.tsx";

/** One call: who to whom, how it is, the figures, who failed, the last requests, what one can do. */
export function EdgePanel({
  edge,
  snapshot,
  canary,
  denied,
  onClose,
}: {
  readonly edge: GraphEdge;
  readonly snapshot: GraphSnapshot;
  /** The rollout the destination takes part in. */
  readonly canary: Canary | undefined;
  /** What policies said no to on it. */
  readonly denied: DeniedOnEdge | undefined;
  readonly onClose: () => void;
}) {
  const source = snapshot.nodes.find((node) => node.id === edge.source);
  const destination = snapshot.nodes.find((node) => node.id === edge.destination);
  const { data: series } = useQuery(seriesQuery("edges", edge.id, usePastMs()));
  const points = series?.points ?? [];
  const status = edgeStatus(edge);
  const isCanary = isCanaryOf(canary, destination);
  const sibling = siblingEdge(edge, snapshot);
  const siblingVersion = snapshot.nodes.find((node) => node.id === sibling?.destination)?.version;
  const { mtlsRatio, tcp } = edge;
  const isTcp = edge.protocol === "tcp";
  return (
    <SidePanel
      label={`${source?.label} to ${destination?.label}`}
      foot={
        <LiveOnly>
          <PanelActs node={destination} canary={canary} mtlsRatio={mtlsRatio} />
        </LiveOnly>
      }
    >
      <PanelHead
        title={
          <>
            {source?.label ?? edge.source}
            {source?.version !== undefined && <Chip>{source.version}</Chip>}
            <ArrowRight size={14} aria-label="to" />
            {destination?.label ?? edge.destination}
            {destination?.version !== undefined && <Chip>{destination.version}</Chip>}
            {edge.protocol !== "http" && (
              <Chip tone={isTcp ? "tcp" : "neutral"}>{isTcp ? "TCP" : "gRPC"}</Chip>
            )}
            {isCanary && <Chip tone="accent">canary</Chip>}
          </>
        }
        health={edge.health}
        status={status}
        asOfMs={snapshot.asOfMs}
        onClose={onClose}
      />
      {isTcp && tcp !== undefined ? (
        <TcpKeyFigures tcp={tcp} series={points}>
          <MtlsFigure edge={edge} />
        </TcpKeyFigures>
      ) : (
        <KeyFigures signals={edge.signals} series={points} status={status}>
          <MtlsFigure edge={edge} />
        </KeyFigures>
      )}
      {tcp !== undefined && <TcpFigures tcp={tcp} series={points} />}
      {!isTcp && (
        <Latencies
          signals={edge.signals}
          series={points}
          status={status}
          other={
            sibling && siblingVersion !== undefined
              ? { name: siblingVersion, signals: sibling.signals }
              : undefined
          }
        />
      )}
      {denied !== undefined && <DeniedSection denied={denied} windowMs={snapshot.windowMs} />}
      <WhoFailed edge={edge} destination={destination} />
      <LiveOnly>
        {destination !== undefined && <EndpointList node={destination} caller={source} />}
        <RulesInForce destination={destination} caller={source} edge={edge} />
        {!isTcp && <LastRequests edgeId={edge.id} />}
        <TapSection node={destination} caller={source} />
        <BypassSection node={destination} caller={source} />
      </LiveOnly>
    </SidePanel>
  );
}

function MtlsFigure({ edge }: { readonly edge: GraphEdge }) {
  const { mtlsRatio, sourcePrincipal } = edge;
  return (
    <Figure
      label="mTLS"
      value={mtlsRatio === undefined ? NO_DATA : formatPercentNumber(mtlsRatio)}
      unit={mtlsRatio === undefined ? "" : "%"}
    >
      <span className={styles.principal} title={sourcePrincipal}>
        <Shield ratio={mtlsRatio} />
        <span className={styles.name}>{shortPrincipal(sourcePrincipal)}</span>
      </span>
    </Figure>
  );
}

export function isCanaryOf(canary: Canary | undefined, node: GraphNode | undefined): boolean {
  return canary?.canary.workloads.includes(`${node?.namespace}/${node?.workload}`) === true;
}

/** `spiffe://cluster.local/ns/shop/sa/checkout-v12` → `sa/checkout-v12`. */
function shortPrincipal(principal: string | undefined): string {
  if (principal === undefined || principal === "" || principal === "unknown") return "no identity";
  return principal.replace(/^.*\/(sa\/[^/]+)$/, "$1");
}
