import type { Canary, GraphEdge, GraphNode, GraphSnapshot } from "@heddle/contracts";
import { formatRoughDuration } from "../../lib/times.ts";
import { compareStatus, type Status, worstStatus } from "../../ui/status.ts";
import { nodeName, nodeStatus } from "../graph/graph-model.ts";
import { tcpByNode } from "../graph/tcp-signals.ts";
import { failureSentence } from "./failure-sentence.ts";

/** One line of the list: a version that is not well, or the versions of a service that are. */
export interface ServiceLine {
  readonly id: string;
  readonly namespace: string;
  readonly service: string;
  readonly versions: readonly string[];
  readonly nodes: readonly GraphNode[];
  readonly status: Status;
  /** Since when it is as it is: of the node that gave the line its state. */
  readonly sinceMs: number;
  /** Empty: nothing to say of it. */
  readonly why: string;
  readonly requestsPerSecond: number;
  /** Absent: no request in the window. */
  readonly errorRatio: number | undefined;
  readonly p99Ms: number | undefined;
  /** Where its state is explained, or what would help. */
  readonly act: { readonly label: string; readonly href: string };
}

/** The node that most wants somebody, told in sentences, and what would help. */
export interface Trouble {
  readonly node: GraphNode;
  readonly name: string;
  readonly errorRatio: number | undefined;
  readonly sinceMs: number;
  /** Who failed the requests and how; absent: not told. */
  readonly cause: string | undefined;
  readonly requestsPerSecond: number;
  /** By name, busiest first. */
  readonly callers: readonly string[];
  readonly whyHref: string;
  /** The canary it is, while it takes traffic: rolling it back is the way out. */
  readonly canary: Canary | undefined;
}

/**
 * What fails by itself (not because of something below), the most failed requests first. The first is the banner, of
 * the others it tells how many there are.
 */
export function findTroubles(snapshot: GraphSnapshot, canaries: readonly Canary[]): Trouble[] {
  const received = Map.groupBy(snapshot.edges, ({ destination }) => destination);
  const names = new Map(snapshot.nodes.map((node) => [node.id, nodeName(node)]));
  return snapshot.nodes
    .filter((node) => node.health.state === "failing" && node.kind !== "outside")
    .sort((a, b) => errorsPerSecond(b) - errorsPerSecond(a) || (a.id < b.id ? -1 : 1))
    .map((node) => {
      const edges = received.get(node.id) ?? [];
      const callers = new Map<string, number>();
      for (const { source, signals } of edges) {
        const name = names.get(source) ?? source;
        callers.set(name, (callers.get(name) ?? 0) + signals.requestsPerSecond);
      }
      return {
        node,
        name: nodeName(node),
        errorRatio: node.signals.errorRatio,
        sinceMs: node.health.sinceMs,
        cause: failureSentence(edges),
        requestsPerSecond: node.signals.requestsPerSecond,
        callers: [...callers].sort((a, b) => b[1] - a[1]).map(([name]) => name),
        whyHref: graphHref(worstEdge(edges)?.id ?? node.id),
        canary: canaryOf(node, canaries),
      };
    });
}

/** Services and versions, worst first, then by requests that fail, then busiest first. */
export function worstFirst(snapshot: GraphSnapshot, nowMs: number): ServiceLine[] {
  const received = Map.groupBy(snapshot.edges, ({ destination }) => destination);
  const names = new Map(snapshot.nodes.map((node) => [node.id, nodeName(node)]));
  const tcp = tcpByNode(snapshot.edges);
  const groups = Map.groupBy(
    snapshot.nodes.filter(({ kind }) => kind === "workload" || kind === "service"),
    (node) => {
      const status = nodeStatus(node, tcp.get(node.id));
      const isUnwell = status === "failing" || status === "degraded" || status === "unknown";
      const service = `${node.namespace}/${node.service ?? node.label}`;
      return isUnwell ? node.id : `${service} ${status === "idle" ? "idle" : "well"}`;
    },
  );
  return [...groups.values()]
    .map((nodes) => {
      const edges = nodes.flatMap((node) => received.get(node.id) ?? []);
      return lineOf(nodes, edges, { names, nowMs, tcp });
    })
    .sort(
      (a, b) =>
        compareStatus(a.status, b.status) ||
        Number(b.why !== "") - Number(a.why !== "") ||
        b.requestsPerSecond * (b.errorRatio ?? 0) - a.requestsPerSecond * (a.errorRatio ?? 0) ||
        b.requestsPerSecond - a.requestsPerSecond ||
        (a.id < b.id ? -1 : 1),
    );
}

function lineOf(
  nodes: readonly GraphNode[],
  edges: readonly GraphEdge[],
  parts: {
    readonly names: ReadonlyMap<string, string>;
    readonly nowMs: number;
    readonly tcp: ReturnType<typeof tcpByNode>;
  },
): ServiceLine {
  const [first] = nodes;
  if (first === undefined) throw new Error("worst first: a line without a node");
  const status = worstStatus(nodes.map((node) => nodeStatus(node, parts.tcp.get(node.id))));
  const requests = nodes.reduce((sum, { signals }) => sum + signals.requests, 0);
  const errors = nodes.reduce((sum, { signals }) => sum + signals.errors, 0);
  const quantiles = nodes.flatMap(({ signals }) => signals.p99Ms ?? []);
  const plaintext = edges.filter(({ mtlsRatio }) => mtlsRatio !== undefined && mtlsRatio < 1);
  return {
    id: nodes.map(({ id }) => id).join(" "),
    namespace: first.namespace,
    service: first.service ?? first.label,
    versions: nodes
      .flatMap(({ version }) => version ?? [])
      .sort((a, b) => a.localeCompare(b, "en", { numeric: true })),
    nodes,
    status,
    sinceMs: Math.max(...nodes.map(({ health }) => health.sinceMs)),
    why: whyOf(first, status, edges, plaintext, parts),
    requestsPerSecond: nodes.reduce((sum, { signals }) => sum + signals.requestsPerSecond, 0),
    errorRatio: requests === 0 ? undefined : errors / requests,
    // Quantiles of several versions cannot be merged: the slowest stands for all.
    p99Ms: quantiles.length === 0 ? undefined : Math.max(...quantiles),
    act: actOf(first, status, edges, plaintext),
  };
}

const BECAUSE = / because of (.+)$/;

function whyOf(
  node: GraphNode,
  status: Status,
  edges: readonly GraphEdge[],
  plaintext: readonly GraphEdge[],
  { names, nowMs }: { readonly names: ReadonlyMap<string, string>; readonly nowMs: number },
): string {
  if (status === "failing" || status === "degraded") {
    const below = BECAUSE.exec(node.health.reason)?.[1];
    if (below !== undefined && status === "degraded") return `Because of ${below}`;
    return failureSentence(edges) ?? node.health.reason;
  }
  if (status === "unknown") return node.health.reason;
  if (status === "idle") {
    return node.lastRequestMs === undefined
      ? "No request so far"
      : `No request for ${formatRoughDuration(nowMs - node.lastRequestMs)}`;
  }
  const callers = [...new Set(plaintext.map(({ source }) => names.get(source) ?? source))];
  if (callers.length === 0) return "";
  const rest = callers.length - 1;
  return `Plaintext from ${callers[0]}${rest > 0 ? ` and ${rest} more` : ""}`;
}

function actOf(
  node: GraphNode,
  status: Status,
  edges: readonly GraphEdge[],
  plaintext: readonly GraphEdge[],
): ServiceLine["act"] {
  if (status === "failing" || status === "degraded") {
    return { label: "Why", href: graphHref(worstEdge(edges)?.id ?? node.id) };
  }
  if (plaintext.length > 0 && node.workload !== undefined) {
    const workload = `${node.namespace}/${node.workload}`;
    return { label: "Preflight", href: `/security?open=${encodeURIComponent(workload)}` };
  }
  return { label: "Open", href: graphHref(node.id) };
}

/** The edge most failed requests of a node came by; `undefined`: none failed. */
function worstEdge(edges: readonly GraphEdge[]): GraphEdge | undefined {
  return edges.reduce<GraphEdge | undefined>(
    (worst, one) => (one.signals.errors > (worst?.signals.errors ?? 0) ? one : worst),
    undefined,
  );
}

function canaryOf(node: GraphNode, canaries: readonly Canary[]): Canary | undefined {
  const workload = `${node.namespace}/${node.workload}`;
  return canaries.find(({ canary }) => canary.share > 0 && canary.workloads.includes(workload));
}

function errorsPerSecond({ signals }: GraphNode): number {
  return signals.requestsPerSecond * (signals.errorRatio ?? 0);
}

function graphHref(id: string): string {
  return `/graph?sel=${encodeURIComponent(id)}`;
}
