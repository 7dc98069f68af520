import type { GraphEdge, TcpSignalsWire } from "@heddle/contracts";

/** Whether any opaque connection was open, opened or carried bytes. */
export function isActiveTcp(tcp: TcpSignalsWire): boolean {
  return tcp.open > 0 || tcp.opened > 0 || bytesOf(tcp) > 0;
}

/** Bytes per second, both ways. */
export function bytesOf(tcp: TcpSignalsWire): number {
  return tcp.sentBytesPerSecond + tcp.receivedBytesPerSecond;
}

/** The opaque connections of several edges together; `undefined`: none of them had any. */
export function sumTcp(edges: readonly GraphEdge[]): TcpSignalsWire | undefined {
  return edges.reduce<TcpSignalsWire | undefined>(
    (sum, { tcp }) => (sum === undefined || tcp === undefined ? (sum ?? tcp) : addTcp(sum, tcp)),
    undefined,
  );
}

function addTcp(a: TcpSignalsWire, b: TcpSignalsWire): TcpSignalsWire {
  return {
    opened: a.opened + b.opened,
    openedPerSecond: a.openedPerSecond + b.openedPerSecond,
    failed: a.failed + b.failed,
    open: a.open + b.open,
    sentBytesPerSecond: a.sentBytesPerSecond + b.sentBytesPerSecond,
    receivedBytesPerSecond: a.receivedBytesPerSecond + b.receivedBytesPerSecond,
  };
}

/**
 * The opaque connections of each node: those it receives, or, of one that receives nothing at all, those it
 * opens. The collector counts a node's requests the same way.
 */
export function tcpByNode(edges: readonly GraphEdge[]): ReadonlyMap<string, TcpSignalsWire> {
  const received = Map.groupBy(edges, ({ destination }) => destination);
  const sent = Map.groupBy(edges, ({ source }) => source);
  const sums = new Map<string, TcpSignalsWire>();
  for (const [id, own] of [...sent].filter(([id]) => !received.has(id)).concat([...received])) {
    const sum = sumTcp(own);
    if (sum !== undefined) sums.set(id, sum);
  }
  return sums;
}

/**
 * The share of encrypted traffic over several edges, by their requests and opened connections; where there
 * were none, by the connections that are open. `undefined`: no receiving proxy counted any.
 */
export function mtlsOfEdges(edges: readonly GraphEdge[]): number | undefined {
  const counted = edges.filter(({ mtlsRatio }) => mtlsRatio !== undefined);
  return (
    weightedMtls(counted, ({ signals, tcp }) => signals.requests + (tcp?.opened ?? 0)) ??
    weightedMtls(counted, ({ tcp }) => tcp?.open ?? 0)
  );
}

function weightedMtls(
  edges: readonly GraphEdge[],
  weightOf: (edge: GraphEdge) => number,
): number | undefined {
  const all = edges.reduce((sum, edge) => sum + weightOf(edge), 0);
  if (all === 0) return undefined;
  return edges.reduce((sum, edge) => sum + weightOf(edge) * (edge.mtlsRatio ?? 0), 0) / all;
}
