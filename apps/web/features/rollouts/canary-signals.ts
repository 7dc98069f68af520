import type { CanarySide, GraphNode, GraphSnapshot, SignalsWire } from "@heddle/contracts";

/** What one version received in the graph's window. Absent figures: no data. */
export interface SideSignals {
  readonly nodes: readonly GraphNode[];
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly errors: number;
  readonly errorRatio: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** The graph's id of a workload named `namespace/name`. */
export function workloadNodeId(workload: string): string {
  return `workload/${workload}`;
}

/** Folds the workloads of one side; quantiles of several cannot be merged, so the slowest stands for all. */
export function sideSignals(graph: GraphSnapshot, side: CanarySide): SideSignals {
  const ids = new Set(side.workloads.map(workloadNodeId));
  const nodes = graph.nodes.filter((node) => ids.has(node.id));
  const signals = nodes.map((node) => node.signals);
  const requests = sum(signals, (one) => one.requests);
  const errors = sum(signals, (one) => one.errors);
  return {
    nodes,
    requests,
    requestsPerSecond: sum(signals, (one) => one.requestsPerSecond),
    errors,
    errorRatio: requests === 0 ? undefined : errors / requests,
    p50Ms: greatest(signals, (one) => one.p50Ms),
    p95Ms: greatest(signals, (one) => one.p95Ms),
    p99Ms: greatest(signals, (one) => one.p99Ms),
  };
}

/** The canary's share of what both versions received; `undefined` when neither received anything. */
export function observedShare(stable: SideSignals, canary: SideSignals): number | undefined {
  const requests = stable.requests + canary.requests;
  return requests === 0 ? undefined : canary.requests / requests;
}

/** Who calls the service, by name, busiest first. */
export function callersOf(graph: GraphSnapshot, sides: readonly CanarySide[]): string[] {
  const ids = new Set(sides.flatMap((side) => side.workloads.map(workloadNodeId)));
  const rates = new Map<string, number>();
  for (const edge of graph.edges) {
    if (!ids.has(edge.destination)) continue;
    const caller = graph.nodes.find((node) => node.id === edge.source)?.label ?? edge.source;
    rates.set(caller, (rates.get(caller) ?? 0) + edge.signals.requestsPerSecond);
  }
  return [...rates].sort((a, b) => b[1] - a[1]).map(([caller]) => caller);
}

function sum(signals: readonly SignalsWire[], of: (one: SignalsWire) => number): number {
  return signals.reduce((total, one) => total + of(one), 0);
}

function greatest(
  signals: readonly SignalsWire[],
  of: (one: SignalsWire) => number | undefined,
): number | undefined {
  const values = signals.flatMap((one) => of(one) ?? []);
  return values.length === 0 ? undefined : Math.max(...values);
}
