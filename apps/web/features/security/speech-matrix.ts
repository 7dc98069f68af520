import type { GraphEdge, GraphNode, GraphSnapshot } from "@heddle/contracts";
import { encryptedShare } from "./mtls-rows.ts";

/** One caller and one callee that spoke in the window. */
export interface SpeechCell {
  readonly caller: string;
  readonly callee: string;
  /** 0–1; `undefined`: no receiving proxy reported. */
  readonly mtlsRatio: number | undefined;
  readonly requestsPerSecond: number;
  readonly edges: readonly GraphEdge[];
}

export interface SpeechMatrix {
  readonly callers: readonly string[];
  readonly callees: readonly string[];
  /** By `cellKey`. */
  readonly cells: ReadonlyMap<string, SpeechCell>;
}

export function cellKey(caller: string, callee: string): string {
  return `${caller}>${callee}`;
}

/** Services as callers (rows) and callees (columns), versions taken together. Callers outside the mesh come last. */
export function speechMatrix(graph: GraphSnapshot): SpeechMatrix {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const edgesByCell = new Map<string, GraphEdge[]>();
  const callers = new Map<string, GraphNode>();
  const callees = new Map<string, GraphNode>();
  for (const edge of graph.edges) {
    const source = nodes.get(edge.source);
    const destination = nodes.get(edge.destination);
    if (source === undefined || destination === undefined || destination.kind === "external")
      continue;
    const key = cellKey(speakerName(source), speakerName(destination));
    edgesByCell.set(key, [...(edgesByCell.get(key) ?? []), edge]);
    callers.set(speakerName(source), source);
    callees.set(speakerName(destination), destination);
  }
  const cells = new Map<string, SpeechCell>();
  for (const [key, edges] of edgesByCell) {
    const [caller = "", callee = ""] = key.split(">");
    const requestsPerSecond = edges.reduce((sum, edge) => sum + edge.signals.requestsPerSecond, 0);
    cells.set(key, { caller, callee, mtlsRatio: encryptedShare(edges), requestsPerSecond, edges });
  }
  return { callers: ordered(callers), callees: ordered(callees), cells };
}

/** The service's name, or for what is none its label. */
export function speakerName(node: GraphNode): string {
  return node.service ?? node.label;
}

function ordered(speakers: ReadonlyMap<string, GraphNode>): string[] {
  const isOutside = (name: string): number => (speakers.get(name)?.kind === "outside" ? 1 : 0);
  return [...speakers.keys()].sort((a, b) => isOutside(a) - isOutside(b) || a.localeCompare(b));
}
