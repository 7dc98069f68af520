import type { GraphSnapshot } from "@heddle/contracts";
import { formatMs, formatPercent } from "./table.ts";

const COLORS: Readonly<Record<string, string>> = {
  healthy: "#2e7d32",
  degraded: "#b26a00",
  failing: "#c62828",
};

/** The graph in Graphviz's language: `heddle graph -o dot | dot -Tsvg`. */
export function formatDot(graph: GraphSnapshot): string {
  const nodes = graph.nodes.map((node) => {
    const label = node.version === undefined ? node.label : `${node.label}\n${node.version}`;
    return `  ${quote(node.id)} [label=${quote(label)}, color=${quote(colorOf(node.health.state))}];`;
  });
  const edges = graph.edges.map((edge) => {
    const { requestsPerSecond, errorRatio, p95Ms } = edge.signals;
    const label = `${requestsPerSecond.toFixed(1)} rps\n${formatPercent(errorRatio)} errors\np95 ${formatMs(p95Ms)}`;
    return `  ${quote(edge.source)} -> ${quote(edge.destination)} [label=${quote(label)}, color=${quote(colorOf(edge.health.state))}];`;
  });
  return [
    "digraph heddle {",
    "  rankdir=LR;",
    "  node [shape=box, style=rounded];",
    ...nodes,
    ...edges,
    "}",
  ].join("\n");
}

function colorOf(state: string): string {
  return COLORS[state] ?? "#757575";
}

function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
