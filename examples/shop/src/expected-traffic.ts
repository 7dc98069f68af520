import { type ShopFile, type ShopWorkload, shopWorkloads } from "./shop-file.ts";

/** What a shop file says an edge carries; names are `namespace/name`. */
export type ExpectedEdge = {
  readonly source: string;
  readonly destination: string;
  readonly requestsPerSecond: number;
  /** Share of answers with status 500 or above, 0–1. */
  readonly errorRatio: number;
};

/** Edges between workloads, most traffic first; plaintext from outside the mesh is not among them. */
export function expectedWorkloadEdges(shop: ShopFile): ExpectedEdge[] {
  const workloads = shopWorkloads(shop);
  const edges: ExpectedEdge[] = [];
  const follow = (caller: ShopWorkload, requestsPerSecond: number) => {
    for (const call of caller.behaviour.calls) {
      for (const callee of workloads.filter(({ service }) => service === call.to)) {
        const rate = requestsPerSecond * call.share * callee.behaviour.share;
        if (rate === 0) continue;
        edges.push({
          source: `${shop.namespace}/${caller.workload}`,
          destination: `${shop.namespace}/${callee.workload}`,
          requestsPerSecond: rate,
          errorRatio: failureRatio(callee, workloads),
        });
        follow(callee, rate);
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
      errorRatio: errorsPerSecond / requestsPerSecond,
    });
  }
  return [...merged.values()].sort((a, b) => b.requestsPerSecond - a.requestsPerSecond);
}
