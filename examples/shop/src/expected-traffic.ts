import { CONNECTION_MS } from "./ledger-client.ts";
import { GREETING, OK_BYTES, PUT_BYTES } from "./ledger-protocol.ts";
import { type ShopFile, type ShopProtocol, type ShopWorkload, shopWorkloads } from "./shop-file.ts";

/** What a shop file says an edge carries; names are `namespace/name`, of a host outside the mesh the host. */
export type ExpectedEdge = {
  readonly source: string;
  readonly destination: string;
  readonly speaks: ShopProtocol;
  /** WebSocket sessions count as one request each, TCP lines as none. */
  readonly requestsPerSecond: number;
  /** Share of answers with status 500 or above, 0–1. */
  readonly errorRatio: number;
  /** Whether the destination is a host outside the mesh. */
  readonly isExternal: boolean;
  /** Of TCP edges alone. */
  readonly tcp?: ExpectedTcp | undefined;
};
export type ExpectedTcp = {
  readonly openedPerSecond: number;
  /** From the caller to the destination, and back. */
  readonly sentBytesPerSecond: number;
  readonly receivedBytesPerSecond: number;
};

/** Edges between workloads, most traffic first; plaintext from outside the mesh is not among them. */
export function expectedWorkloadEdges(shop: ShopFile): ExpectedEdge[] {
  const workloads = shopWorkloads(shop);
  const edges: ExpectedEdge[] = [];
  const follow = (caller: ShopWorkload, requestsPerSecond: number) => {
    for (const call of caller.behaviour.calls) {
      if (call.to in shop.external) {
        edges.push({
          source: `${shop.namespace}/${caller.workload}`,
          destination: call.to,
          speaks: "http",
          isExternal: true,
          requestsPerSecond: requestsPerSecond * call.share,
          errorRatio: 0,
        });
      }
      for (const callee of workloads.filter(({ service }) => service === call.to)) {
        const rate = requestsPerSecond * call.share * callee.behaviour.share;
        if (rate === 0) continue;
        const isTcp = callee.speaks === "tcp";
        edges.push({
          source: `${shop.namespace}/${caller.workload}`,
          destination: `${shop.namespace}/${callee.workload}`,
          speaks: callee.speaks,
          isExternal: false,
          requestsPerSecond: isTcp ? 0 : rate,
          errorRatio: failureRatio(callee, workloads),
          tcp: isTcp ? ledgerTraffic(rate) : undefined,
        });
        follow(callee, rate);
      }
    }
    for (const session of caller.behaviour.sessions) {
      for (const callee of workloads.filter(({ service }) => service === session.to)) {
        edges.push({
          source: `${shop.namespace}/${caller.workload}`,
          destination: `${shop.namespace}/${callee.workload}`,
          speaks: callee.speaks,
          isExternal: false,
          requestsPerSecond: session.ratePerSecond * callee.behaviour.share,
          errorRatio: 0,
        });
      }
    }
  };
  const { from, ratePerSecond } = shop.load;
  for (const entry of workloads.filter(({ service }) => service === from)) {
    follow(entry, ratePerSecond * entry.behaviour.share);
  }
  return mergeEdges(edges);
}

/** The same edges with versions folded into their services. */
export function expectedServiceEdges(shop: ShopFile): ExpectedEdge[] {
  const serviceOf = new Map(
    shopWorkloads(shop).map(({ workload, service }) => [
      `${shop.namespace}/${workload}`,
      `${shop.namespace}/${service}`,
    ]),
  );
  return mergeEdges(
    expectedWorkloadEdges(shop).map((edge) => ({
      ...edge,
      source: serviceOf.get(edge.source) ?? edge.source,
      destination: serviceOf.get(edge.destination) ?? edge.destination,
    })),
  );
}

/** What one caller's lines at this rate are in connections and bytes. */
function ledgerTraffic(linesPerSecond: number): ExpectedTcp {
  // A connection is renewed by the first line after its time.
  const openedPerSecond = 1 / (CONNECTION_MS / 1000 + 0.5 / linesPerSecond);
  return {
    openedPerSecond,
    sentBytesPerSecond: linesPerSecond * PUT_BYTES,
    receivedBytesPerSecond: linesPerSecond * OK_BYTES + openedPerSecond * GREETING.length,
  };
}

/** Its own errors, and those of the calls it cannot answer without. */
function failureRatio(workload: ShopWorkload, all: readonly ShopWorkload[]): number {
  const { errorShare, calls } = workload.behaviour;
  let success = 1 - errorShare;
  for (const call of calls.filter(({ isRequired }) => isRequired)) {
    const failures = all
      .filter(({ service }) => service === call.to)
      .reduce((sum, callee) => sum + callee.behaviour.share * failureRatio(callee, all), 0);
    success *= 1 - call.share * failures;
  }
  return 1 - success;
}

function mergeEdges(edges: readonly ExpectedEdge[]): ExpectedEdge[] {
  const merged = new Map<string, ExpectedEdge>();
  for (const edge of edges) {
    const key = `${edge.source} ${edge.destination}`;
    const before = merged.get(key);
    if (before === undefined) {
      merged.set(key, edge);
      continue;
    }
    const requestsPerSecond = before.requestsPerSecond + edge.requestsPerSecond;
    const errorsPerSecond =
      before.requestsPerSecond * before.errorRatio + edge.requestsPerSecond * edge.errorRatio;
    merged.set(key, {
      ...edge,
      requestsPerSecond,
      errorRatio: requestsPerSecond === 0 ? 0 : errorsPerSecond / requestsPerSecond,
      tcp: addTcp(before.tcp, edge.tcp),
    });
  }
  return [...merged.values()].sort((a, b) => b.requestsPerSecond - a.requestsPerSecond);
}

function addTcp(a: ExpectedTcp | undefined, b: ExpectedTcp | undefined): ExpectedTcp | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return {
    openedPerSecond: a.openedPerSecond + b.openedPerSecond,
    sentBytesPerSecond: a.sentBytesPerSecond + b.sentBytesPerSecond,
    receivedBytesPerSecond: a.receivedBytesPerSecond + b.receivedBytesPerSecond,
  };
}
