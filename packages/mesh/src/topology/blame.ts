import type { WhoFailed } from "../signals/traffic-tally.ts";
import { nodeName, type TrafficNode } from "./traffic-node.ts";

/** An edge with its errors, as blame needs it. */
export type FailingEdge = {
  readonly id: string;
  readonly source: TrafficNode;
  readonly destination: TrafficNode;
  readonly errors: number;
  readonly whoFailed: Readonly<WhoFailed>;
};

/** The errors that nothing below has caused, and who has caused the others. */
export type Blame = { readonly ownErrors: number; readonly becauseOf: string | undefined };

export type BlameMap = {
  readonly byNode: ReadonlyMap<string, Blame>;
  readonly byEdge: ReadonlyMap<string, Blame>;
};

type NodeErrors = {
  node: TrafficNode;
  received: number; // errors on edges into it
  answeredByApp: number; // those of them its app answered
  suffered: number; // errors on edges out of it
  worst: FailingEdge | undefined; // the edge out of it with most errors
  isCalled: boolean;
};

/**
 * Tells errors a node makes from errors it hands up. An app that answers with an error while its own
 * calls fail is taken to pass those on, one for one; the rest is its own. A node that nobody calls
 * makes no errors at all. Blame goes to the deepest node on the way of the most errors.
 */
export function assignBlame(edges: readonly FailingEdge[]): BlameMap {
  const nodes = collectErrors(edges);
  const byNode = new Map<string, Blame>();
  for (const [id, errors] of nodes) {
    const below = handedUp(errors);
    const total = errors.isCalled ? errors.received : errors.suffered;
    byNode.set(id, {
      ownErrors: total - below,
      becauseOf: below > 0 ? culpritName(id, nodes) : undefined,
    });
  }
  const byEdge = new Map<string, Blame>();
  for (const edge of edges) {
    const called = nodes.get(edge.destination.id);
    const below = called ? handedUp(called) : 0;
    const share = called && called.answeredByApp > 0 ? below / called.answeredByApp : 0;
    const handed = edge.whoFailed.app * share;
    byEdge.set(edge.id, {
      ownErrors: edge.errors - handed,
      becauseOf: handed > 0 ? culpritName(edge.destination.id, nodes) : undefined,
    });
  }
  return { byNode, byEdge };
}

function collectErrors(edges: readonly FailingEdge[]): Map<string, NodeErrors> {
  const nodes = new Map<string, NodeErrors>();
  const at = (node: TrafficNode) => {
    const known = nodes.get(node.id);
    if (known) return known;
    const fresh: NodeErrors = {
      node,
      received: 0,
      answeredByApp: 0,
      suffered: 0,
      worst: undefined,
      isCalled: false,
    };
    nodes.set(node.id, fresh);
    return fresh;
  };
  for (const edge of edges) {
    const destination = at(edge.destination);
    destination.received += edge.errors;
    destination.answeredByApp += edge.whoFailed.app;
    destination.isCalled = true;
    const source = at(edge.source);
    source.suffered += edge.errors;
    if (edge.errors > 0 && isWorse(edge, source.worst)) source.worst = edge;
  }
  return nodes;
}

/** By id among equals, so that the order of edges does not matter. */
function isWorse(edge: FailingEdge, than: FailingEdge | undefined): boolean {
  if (than === undefined || edge.errors !== than.errors) return edge.errors > (than?.errors ?? 0);
  return edge.id < than.id;
}

function handedUp(errors: NodeErrors): number {
  return errors.isCalled ? Math.min(errors.answeredByApp, errors.suffered) : errors.suffered;
}

/** Follows the worst edges down while the called node hands most of its errors up itself. */
function culpritName(fromId: string, nodes: ReadonlyMap<string, NodeErrors>): string | undefined {
  const seen = new Set<string>([fromId]);
  let culprit: TrafficNode | undefined;
  let next = nodes.get(fromId)?.worst;
  while (next !== undefined && !seen.has(next.destination.id)) {
    culprit = next.destination;
    seen.add(culprit.id);
    const errors = nodes.get(culprit.id);
    if (!errors || handedUp(errors) * 2 <= errors.received) break;
    next = errors.worst;
  }
  return culprit && nodeName(culprit);
}
