"use client";
import type {
  Canary,
  GraphNode,
  GraphSnapshot,
  SignalsWire,
  TcpSignalsWire,
  WorkloadState,
} from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import {
  formatBytesPerSecond,
  formatCount,
  formatPercentNumber,
  formatRate,
  NO_DATA,
} from "../../lib/numbers.ts";
import { useWorkloads } from "../../lib/queries/use-mesh-state.ts";
import { Chip } from "../../ui/chip.tsx";
import { Lock } from "../../ui/lock.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Shield } from "../../ui/shield.tsx";
import { PanelSection, SidePanel } from "../../ui/side-panel.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { BypassSection } from "../bypass/bypass-section.tsx";
import { TapSection } from "../tap/tap-section.tsx";
import { isCanaryOf } from "./edge-panel.tsx";
import { EndpointList } from "./endpoint-list.tsx";
import {
  type Card,
  compareThreads,
  type GraphModel,
  nodeName,
  nodeStatus,
  type Thread,
} from "./graph-model.ts";
import { seriesQuery } from "./graph-queries.ts";
import { PanelActs } from "./panel-acts.tsx";
import { PanelHead } from "./panel-head.tsx";
import styles from "./panels.module.css";
import { LiveOnly, usePastMs } from "./past-moment.tsx";
import { RulesInForce } from "./rules-in-force.tsx";
import { Figure, KeyFigures, Latencies, shareWithCount } from "./signal-figures.tsx";
import { TcpFigures, TcpKeyFigures } from "./tcp-figures.tsx";
import { bytesOf, mtlsOfEdges, sumTcp } from "./tcp-signals.ts";

/** One node or one service with its versions: the figures of what it receives, callers, called, endpoints. */
export function NodePanel({
  node,
  card,
  model,
  snapshot,
  canary,
  onSelect,
  onClose,
}: {
  /** What the figures are of: a row's node, or the service as a whole. */
  readonly node: GraphNode;
  readonly card: Card;
  readonly model: GraphModel;
  readonly snapshot: GraphSnapshot;
  readonly canary: Canary | undefined;
  readonly onSelect: (id: string) => void;
  readonly onClose: () => void;
}) {
  const { data: series } = useQuery(seriesQuery("nodes", node.id, usePastMs()));
  const points = series?.points ?? [];
  const isService = node.id === card.id && card.rows.length > 1;
  const ids = new Set(isService ? card.rows.map((row) => row.id) : [node.id]);
  const threadsIn = model.threads.filter((one) => ids.has(one.edge.destination));
  const threadsOut = model.threads.filter((one) => ids.has(one.edge.source));
  const mtlsRatio = isService ? card.mtlsRatio : mtlsOfEdges(threadsIn.map(({ edge }) => edge));
  const counted = threadsIn.length > 0 ? threadsIn : threadsOut;
  const tcp = sumTcp(counted.map(({ edge }) => edge));
  const hasRequests = tcp === undefined || node.signals.requests > 0;
  const nodes = new Map(snapshot.nodes.map((one) => [one.id, one]));
  const status = nodeStatus(node, tcp);
  const firstCaller = threadsIn[0]?.edge.source ?? "";
  return (
    <SidePanel
      label={nodeName(node)}
      foot={
        <LiveOnly>
          <PanelActs node={node} canary={canary} mtlsRatio={mtlsRatio} />
        </LiveOnly>
      }
    >
      <PanelHead
        title={
          <>
            {node.label}
            {node.version !== undefined && <Chip>{node.version}</Chip>}
            {isCanaryOf(canary, node) && <Chip tone="accent">canary</Chip>}
            {node.kind === "outside" && <Chip>no sidecar</Chip>}
            {node.kind === "external" && <Chip>external</Chip>}
          </>
        }
        health={node.health}
        status={status}
        asOfMs={snapshot.asOfMs}
        onClose={onClose}
      />
      {tcp !== undefined && !hasRequests ? (
        <TcpKeyFigures tcp={tcp} series={points}>
          <MtlsFigure ratio={mtlsRatio} />
        </TcpKeyFigures>
      ) : (
        <KeyFigures signals={node.signals} series={points} status={status}>
          <MtlsFigure ratio={mtlsRatio} />
        </KeyFigures>
      )}
      {tcp !== undefined && (
        <TcpFigures tcp={tcp} series={points} isOfCalled={threadsIn.length > 0} />
      )}
      {hasRequests && (
        <Latencies
          signals={node.signals}
          series={points}
          status={status}
          other={otherVersion(card, node)}
        />
      )}
      {isService && <Versions card={card} onSelect={onSelect} />}
      <Calls title="Callers" end="source" threads={threadsIn} {...{ nodes, isService, onSelect }} />
      <Calls
        title="Calls"
        end="destination"
        threads={threadsOut}
        {...{ nodes, isService, onSelect }}
      />
      <LiveOnly>
        {node.kind !== "outside" && (
          <EndpointList node={node} callersNamespace={nodes.get(firstCaller)?.namespace} />
        )}
        <RulesInForce destination={node} />
        <Endpoints node={node} />
        <TapSection node={node} />
        {!isService && <BypassSection node={node} />}
      </LiveOnly>
    </SidePanel>
  );
}

function MtlsFigure({ ratio }: { readonly ratio: number | undefined }) {
  return (
    <Figure
      label="mTLS"
      value={ratio === undefined ? NO_DATA : formatPercentNumber(ratio)}
      unit={ratio === undefined ? "" : "%"}
    >
      <span className={styles.principal}>
        <Shield ratio={ratio} /> of calls to it
      </span>
    </Figure>
  );
}

/** The version with most traffic beside this one: what its latencies are compared with. */
function otherVersion(card: Card, node: GraphNode) {
  const [other] = card.rows
    .filter((row) => row.id !== node.id && row.node.version !== undefined)
    .toSorted((a, b) => b.node.signals.requests - a.node.signals.requests);
  if (node.version === undefined || other === undefined) return undefined;
  return { name: other.label, signals: other.node.signals };
}

function Versions({
  card,
  onSelect,
}: {
  readonly card: Card;
  readonly onSelect: (id: string) => void;
}) {
  return (
    <PanelSection title="Versions">
      {card.rows.map((row) => (
        <button
          key={row.id}
          type="button"
          className={styles.version}
          onClick={() => onSelect(row.id)}
        >
          <StatusGlyph status={row.status} />
          <span className={styles.name}>
            {row.label}
            {row.isCanary && " canary"}
          </span>
          <TrafficCells
            signals={row.node.signals}
            tcp={row.tcp}
            isFailing={row.status === "failing"}
          />
        </button>
      ))}
    </PanelSection>
  );
}

function Calls({
  title,
  end,
  threads,
  nodes,
  isService,
  onSelect,
}: {
  readonly title: string;
  readonly end: "source" | "destination";
  readonly threads: readonly Thread[];
  readonly nodes: ReadonlyMap<string, GraphNode>;
  /** The panel is of several versions: each call says of which. */
  readonly isService: boolean;
  readonly onSelect: (id: string) => void;
}) {
  const isTcpOnly = threads.length > 0 && threads.every(({ edge }) => edge.protocol === "tcp");
  return (
    <PanelSection title={title} caption={isTcpOnly ? "bytes, connections" : "rate, error share"}>
      {threads.length === 0 && <p className={styles.none}>None in this window.</p>}
      {threads.toSorted(compareThreads).map((thread) => (
        <button
          key={thread.id}
          type="button"
          className={styles.call}
          onClick={() => onSelect(thread.id)}
        >
          <StatusGlyph status={thread.status} />
          <span className={styles.name}>{callName(thread, end, nodes, isService)}</span>
          <TrafficCells {...thread.edge} isFailing={thread.status === "failing"} />
        </button>
      ))}
    </PanelSection>
  );
}

/** Rate and error share; where there are connections alone, what they carry and how many stand open. */
function TrafficCells({
  signals,
  tcp,
  isFailing,
}: {
  readonly signals: SignalsWire;
  readonly tcp?: TcpSignalsWire | undefined;
  readonly isFailing: boolean;
}) {
  const isTcp = signals.requests === 0 && tcp !== undefined;
  const failed = isTcp && tcp.failed > 0;
  return (
    <>
      <span className={styles.rate}>
        {isTcp ? formatBytesPerSecond(bytesOf(tcp)) : formatRate(signals.requestsPerSecond)}
      </span>
      <span className={isFailing ? styles.bad : styles.share}>
        {failed && `${formatCount(tcp.failed)} not opened`}
        {isTcp && !failed && `${formatCount(tcp.open)} open`}
        {!isTcp && shareWithCount(signals)}
      </span>
    </>
  );
}

function callName(
  { edge }: Thread,
  end: "source" | "destination",
  nodes: ReadonlyMap<string, GraphNode>,
  isService: boolean,
): string {
  const far = nodeName(nodes.get(edge[end]));
  const own = nodes.get(end === "source" ? edge.destination : edge.source)?.version;
  if (!isService || own === undefined) return far;
  return end === "source" ? `${far} → ${own}` : `${own} → ${far}`;
}

/** Where it runs, as the control plane knows it. */
function Endpoints({ node }: { readonly node: GraphNode }) {
  const { data } = useWorkloads();
  const own = data?.workloads.filter((one) => isOf(one, node)) ?? [];
  if (own.length === 0) return null;
  return (
    <PanelSection title="Proxies and mode">
      {own.map((workload) => (
        <dl key={workload.name} className={styles.facts}>
          <dt>{workload.name}</dt>
          <dd>
            <Lock mode={workload.mtlsMode} />
            {workload.mtlsPolicy !== undefined && ` by ${workload.mtlsPolicy}`}
          </dd>
          <ProtocolSuggestions workload={workload} />
          {workload.instances.map((instance) => (
            <div key={instance.instanceId} style={{ display: "contents" }}>
              <dt>on {instance.proxyName}</dt>
              <dd>
                <code>
                  {instance.address}:{instance.inboundPort}
                </code>{" "}
                {instance.state === "connected" ? (
                  "connected"
                ) : (
                  <>
                    disconnected, lease ends <RelativeTime atMs={instance.leaseEndsAtMs} />
                  </>
                )}
              </dd>
            </div>
          ))}
        </dl>
      ))}
    </PanelSection>
  );
}

/** A port that says nothing of its protocol costs its first connection a moment: say what was found. */
function ProtocolSuggestions({ workload }: { readonly workload: WorkloadState }) {
  return workload.protocolSuggestions?.map(({ port, protocol }) => (
    <div key={port} style={{ display: "contents" }}>
      <dt>port {port}</dt>
      <dd>
        speaks {protocol}, found out at its first connection; declare it with{" "}
        <code>
          --port {port} --protocol {protocol}
        </code>
      </dd>
    </div>
  ));
}

function isOf(workload: WorkloadState, node: GraphNode): boolean {
  if (workload.namespace !== node.namespace) return false;
  return node.workload === undefined
    ? workload.service === node.service
    : workload.name === node.workload;
}
