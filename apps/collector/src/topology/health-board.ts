import {
  assignBlame,
  type Blame,
  type EdgeTraffic,
  type HealthEvidence,
  type HealthMemory,
  judgeHealth,
  type TrafficNode,
} from "@heddle/mesh";

/** Of requests and of opaque connections, each with those that failed. */
type Counts = {
  requests: number;
  errors: number;
  connections: number;
  failedConnections: number;
  open: number;
};
const NONE: Blame = { ownErrors: 0, becauseOf: undefined };

/**
 * The one place where health is decided: each second, over the same window, for all nodes and edges
 * of a view. Remembers what it said, since a state only gets better after proof.
 */
export class HealthBoard {
  #nodes = new Map<string, HealthMemory>();
  #edges = new Map<string, HealthMemory>();

  /** `edges`: traffic over the health window, those without requests included; `nodes`: all to be judged. */
  judge(edges: readonly EdgeTraffic[], nodes: Iterable<TrafficNode>, nowMs: number): void {
    const blame = assignBlame(
      edges.map(({ id, source, destination, tally }) => ({
        id,
        source,
        destination,
        errors: tally.errors + tally.tcpFailed,
        whoFailed: tally.whoFailed,
      })),
    );
    const received = new Map<string, Counts>();
    const sent = new Map<string, Counts>();
    const nextEdges = new Map<string, HealthMemory>();
    for (const edge of edges) {
      const counts = countsOf(edge);
      addTo(received, edge.destination.id, counts);
      addTo(sent, edge.source.id, counts);
      const evidence = evidenceOf(counts, blame.byEdge.get(edge.id), true);
      nextEdges.set(edge.id, judgeHealth(this.#edges.get(edge.id), evidence, nowMs));
    }
    const nextNodes = new Map<string, HealthMemory>();
    for (const node of nodes) {
      const counts = received.get(node.id) ?? sent.get(node.id) ?? noCounts();
      const evidence = evidenceOf(counts, blame.byNode.get(node.id), node.kind !== "outside");
      nextNodes.set(node.id, judgeHealth(this.#nodes.get(node.id), evidence, nowMs));
    }
    this.#edges = nextEdges;
    this.#nodes = nextNodes;
  }

  nodeHealth(id: string, nowMs: number) {
    return (this.#nodes.get(id) ?? judgeHealth(undefined, IDLE, nowMs)).health;
  }

  edgeHealth(id: string, nowMs: number) {
    return (this.#edges.get(id) ?? judgeHealth(undefined, IDLE, nowMs)).health;
  }
}

const IDLE: HealthEvidence = {
  requests: 0,
  errors: 0,
  ownErrors: 0,
  becauseOf: undefined,
  isReported: true,
};

function evidenceOf(
  counts: Readonly<Counts>,
  blame: Blame = NONE,
  isReported: boolean,
): HealthEvidence {
  const requests = counts.requests + counts.connections;
  const errors = counts.errors + counts.failedConnections;
  return {
    requests,
    errors,
    unit: unitOf(counts),
    openConnections: counts.open,
    isReported,
    ownErrors: Math.min(blame.ownErrors, errors),
    becauseOf: blame.becauseOf,
  };
}

function unitOf({ requests, connections }: Readonly<Counts>): HealthEvidence["unit"] {
  if (connections === 0) return "requests";
  return requests === 0 ? "connections" : "requests and connections";
}

function noCounts(): Counts {
  return { requests: 0, errors: 0, connections: 0, failedConnections: 0, open: 0 };
}

function countsOf({ tally, open }: EdgeTraffic): Counts {
  const { requests, errors, tcpOpened, tcpFailed } = tally;
  const connections = tcpOpened + tcpFailed;
  return { requests, errors, connections, failedConnections: tcpFailed, open: open.count };
}

function addTo(sums: Map<string, Counts>, id: string, counts: Readonly<Counts>): void {
  const sum = sums.get(id) ?? noCounts();
  sum.requests += counts.requests;
  sum.errors += counts.errors;
  sum.connections += counts.connections;
  sum.failedConnections += counts.failedConnections;
  sum.open += counts.open;
  sums.set(id, sum);
}
