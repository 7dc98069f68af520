import { TrafficTally } from "../signals/traffic-tally.ts";
import { edgeId, inServiceView, type TrafficNode } from "./traffic-node.ts";

/** What both ends of an edge counted of the same requests. */
export type EdgeCounts = {
  bySource: TrafficTally | undefined;
  byDestination: TrafficTally | undefined;
};

/** Opaque connections that are open; how they came as the receiving proxy knows it, else 0 and 0. */
export type OpenConnections = {
  readonly count: number;
  readonly mtls: number;
  readonly plaintext: number;
};
export const NONE_OPEN: OpenConnections = Object.freeze({ count: 0, mtls: 0, plaintext: 0 });

/** An edge's traffic over a window, every request counted once. */
export type EdgeTraffic = {
  readonly id: string;
  readonly source: TrafficNode;
  readonly destination: TrafficNode;
  readonly tally: TrafficTally;
  /** Opaque connections open at the window's end. */
  readonly open: OpenConnections;
  readonly lastRequestMs: number;
  readonly sourcePrincipal: string | undefined;
};

/**
 * Adds up an edge's counts so that no request counts twice: traffic, errors and latency as the source's
 * proxy counted them, as the destination's did where no source proxy reports; transport and refusals
 * always from the destination, retries and copies always from the source. `withLatency` false leaves
 * the sketches out.
 */
export function effectiveTally(
  counts: readonly EdgeCounts[],
  isSourceReported: boolean,
  withLatency = true,
): TrafficTally {
  const total = new TrafficTally();
  const transport = { mtls: 0, plaintext: 0, refused: 0, wouldBeRefused: 0 };
  const events = { retries: 0, mirrored: 0 };
  for (const { bySource, byDestination } of counts) {
    const chosen = isSourceReported ? bySource : byDestination;
    if (chosen && withLatency) total.merge(chosen);
    else if (chosen) total.mergeCounts(chosen);
    transport.mtls += byDestination?.mtlsRequests ?? 0;
    transport.plaintext += byDestination?.plaintextRequests ?? 0;
    transport.refused += byDestination?.refused ?? 0;
    transport.wouldBeRefused += byDestination?.wouldBeRefused ?? 0;
    events.retries += bySource?.retries ?? 0;
    events.mirrored += bySource?.mirrored ?? 0;
  }
  total.mtlsRequests = transport.mtls;
  total.plaintextRequests = transport.plaintext;
  total.refused = transport.refused;
  total.wouldBeRefused = transport.wouldBeRefused;
  total.retries = events.retries;
  total.mirrored = events.mirrored;
  return total;
}

/** Merges the versions of each service: the edges of the service view. */
export function toServiceEdges(edges: readonly EdgeTraffic[]): EdgeTraffic[] {
  const merged = new Map<string, EdgeTraffic>();
  for (const edge of edges) {
    const source = inServiceView(edge.source);
    const destination = inServiceView(edge.destination);
    const id = edgeId(source.id, destination.id);
    const before = merged.get(id);
    const tally = new TrafficTally();
    tally.merge(edge.tally);
    if (before) tally.merge(before.tally);
    merged.set(id, {
      id,
      source,
      destination,
      tally,
      open: addOpen(before?.open ?? NONE_OPEN, edge.open),
      lastRequestMs: Math.max(edge.lastRequestMs, before?.lastRequestMs ?? 0),
      sourcePrincipal: before?.sourcePrincipal ?? edge.sourcePrincipal,
    });
  }
  return [...merged.values()];
}

function addOpen(a: OpenConnections, b: OpenConnections): OpenConnections {
  if (b.count === 0) return a;
  return {
    count: a.count + b.count,
    mtls: a.mtls + b.mtls,
    plaintext: a.plaintext + b.plaintext,
  };
}

/** What enters the mesh: edges from outside and from nodes that nobody calls. */
export function entryEdges<Edge extends { source: TrafficNode; destination: TrafficNode }>(
  edges: readonly Edge[],
): Edge[] {
  const called = new Set(edges.map((edge) => edge.destination.id));
  return edges.filter((edge) => edge.source.kind === "outside" || !called.has(edge.source.id));
}
