import type { GraphEdge, GraphNode, GraphSnapshot } from "@heddle/contracts";
import { encryptedShare } from "./mtls-rows.ts";

/** Who speaks: a service of the mesh, or one outside by its label. */
export interface Speaker {
  /** `shop/checkout`, or for what is no service its label. */
  readonly key: string;
  readonly name: string;
  readonly isOutside: boolean;
  /** Of a caller outside. */
  readonly address: string | undefined;
}

/** One caller and one callee that spoke in the window. */
export interface SpeechCell {
  readonly caller: Speaker;
  readonly callee: Speaker;
  /** 0–1; `undefined`: no receiving proxy reported. */
  readonly mtlsRatio: number | undefined;
  readonly requestsPerSecond: number;
  readonly edges: readonly GraphEdge[];
}

export interface SpeechMatrix {
  readonly callers: readonly Speaker[];
  readonly callees: readonly Speaker[];
  /** By `cellKey`. */
  readonly cells: ReadonlyMap<string, SpeechCell>;
}

export function cellKey(caller: string, callee: string): string {
  return `${caller}>${callee}`;
}

/**
 * Services as callers (rows) and callees (columns), versions taken together. Callers outside the mesh come last. With
 * a namespace: only who calls into it or out of it.
 */
export function speechMatrix(graph: GraphSnapshot, namespace?: string): SpeechMatrix {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const pairs = graph.edges.flatMap((edge) => {
    const source = nodes.get(edge.source);
    const destination = nodes.get(edge.destination);
    if (source === undefined || destination === undefined || destination.kind === "external")
      return [];
    const isShown = [undefined, source.namespace, destination.namespace].includes(namespace);
    return isShown ? [{ edge, caller: speakerOf(source), callee: speakerOf(destination) }] : [];
  });
  const byCell = Map.groupBy(pairs, ({ caller, callee }) => cellKey(caller.key, callee.key));
  const cells = new Map<string, SpeechCell>();
  for (const [key, [first, ...others]] of byCell) {
    if (first === undefined) continue;
    const edges = [first, ...others].map(({ edge }) => edge);
    cells.set(key, {
      caller: first.caller,
      callee: first.callee,
      mtlsRatio: encryptedShare(edges),
      requestsPerSecond: edges.reduce((sum, { signals }) => sum + signals.requestsPerSecond, 0),
      edges,
    });
  }
  return {
    callers: ordered(pairs.map(({ caller }) => caller)),
    callees: ordered(pairs.map(({ callee }) => callee)),
    cells,
  };
}

function speakerOf(node: GraphNode): Speaker {
  const name = node.service ?? node.label;
  const isOutside = node.kind === "outside";
  return {
    key: isOutside ? (node.address ?? name) : `${node.namespace}/${name}`,
    name,
    isOutside,
    address: isOutside ? node.address : undefined,
  };
}

function ordered(speakers: readonly Speaker[]): Speaker[] {
  const unique = [...new Map(speakers.map((one) => [one.key, one])).values()];
  return unique.sort(
    (a, b) =>
      Number(a.isOutside) - Number(b.isOutside) ||
      a.name.localeCompare(b.name) ||
      a.key.localeCompare(b.key),
  );
}
