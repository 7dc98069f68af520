import { type GraphEdge, type GraphNode, GraphSnapshot, type SignalsWire } from "@heddle/contracts";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { formatMs, formatPercent, formatTable } from "../print/table.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";

type SignalsOptions = OutputOptions & {
  readonly namespace?: string;
  readonly view: string;
  readonly window: number;
};

/** A line of the table, and of the JSON: a node, or an edge of it. Ratios are 0–1; absent: no data. */
type SignalsRow = {
  readonly name: string;
  /** Of a node asked for: who calls it (`in`), whom it calls (`out`). */
  readonly direction?: "in" | "out";
  readonly health: string;
  readonly mtlsRatio?: number | undefined;
  readonly signals: SignalsWire;
};

/** `heddle signals`: rate, success and latency of all workloads, of one with its edges, or of one edge. */
export function addSignalsCommand(program: Command): void {
  withOutput(program.command("signals"))
    .description(
      "show golden signals: success, rate and latency of workloads, or of one and its edges",
    )
    .argument("[target]", "[namespace/]workload (or service), or an edge: CALLER->CALLED")
    .option("-n, --namespace <namespace>", "only of this namespace")
    .addOption(
      new Option("--view <view>", "versions apart or folded")
        .choices(["workload", "service"])
        .default("workload"),
    )
    .addOption(
      new Option("--window <duration>", "the last 30s, 5m, 1h")
        .argParser(parseDurationMs)
        .default(60_000, "1m"),
    )
    .action(async (target: string | undefined, options: SignalsOptions) => {
      const { namespace, view, window: windowMs } = options;
      const query = { windowMs, view, namespace };
      const graph = await (await openApi()).ask(GraphSnapshot, "/graph", { query });
      const rows = target === undefined ? allNodes(graph) : rowsOf(graph, target);
      const answer = { windowMs: graph.windowMs, asOfMs: graph.asOfMs, rows };
      print(options, answer, () => formatRows(rows));
    });
}

/** The nodes that take requests, the busiest first. */
function allNodes({ nodes }: GraphSnapshot): SignalsRow[] {
  return nodes
    .filter(({ kind }) => kind !== "outside")
    .sort((a, b) => b.signals.requestsPerSecond - a.signals.requestsPerSecond)
    .map((node) => ({ name: nameOf(node), health: node.health.state, signals: node.signals }));
}

function rowsOf(graph: GraphSnapshot, target: string): SignalsRow[] {
  const [from = "", to] = target.split("->").map((part) => part.trim());
  if (to !== undefined) return edgeRows(graph, from, to, target);
  const found = graph.nodes.filter((node) => isCalled(node, from));
  if (found.length === 0) throw new UsageError(noSuch(graph, target));
  const names = namesOf(graph);
  return found.flatMap((node) => {
    const edges = (direction: "in" | "out") =>
      graph.edges
        .filter((edge) => (direction === "in" ? edge.destination : edge.source) === node.id)
        .map((edge) => ({ ...toRow(edge, names), direction }));
    return [
      { name: nameOf(node), health: node.health.state, signals: node.signals },
      ...edges("in"),
      ...edges("out"),
    ];
  });
}

function edgeRows(graph: GraphSnapshot, from: string, to: string, target: string): SignalsRow[] {
  const found = findEdges(graph, from, to);
  if (found.length === 0) throw new UsageError(noSuch(graph, target));
  return found.map((edge) => toRow(edge, namesOf(graph)));
}

/** The edges between whatever is called so: a workload, all versions of a service, an address. */
export function findEdges(graph: GraphSnapshot, from: string, to: string): GraphEdge[] {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const is = (id: string, name: string) => {
    const node = nodes.get(id);
    return node !== undefined && (name === "*" || isCalled(node, name));
  };
  return graph.edges.filter(({ source, destination }) => is(source, from) && is(destination, to));
}

/** `reviews`, `reviews-v1`, `shop/reviews`, an address, or the node's id. */
function isCalled({ id, namespace, workload, service, label, address }: GraphNode, name: string) {
  const [first = "", second] = name.split("/", 2);
  const isInNamespace = second === undefined || first === namespace;
  const wanted = second ?? first;
  return id === name || (isInNamespace && [workload, service, label, address].includes(wanted));
}

function noSuch({ nodes, view }: GraphSnapshot, target: string): string {
  const known = nodes.slice(0, 20).map(nameOf).join(", ");
  return `"${target}": no such ${view} or edge in the graph; there are ${known || "none yet"}`;
}

function nameOf({ namespace, label, workload, kind }: GraphNode): string {
  return kind === "workload" || kind === "service" ? `${namespace}/${workload ?? label}` : label;
}

function namesOf({ nodes }: GraphSnapshot): ReadonlyMap<string, string> {
  return new Map(nodes.map((node) => [node.id, nameOf(node)]));
}

function toRow(edge: GraphEdge, names: ReadonlyMap<string, string>): SignalsRow {
  const { source, destination, health, mtlsRatio, signals } = edge;
  const name = `${names.get(source) ?? source}->${names.get(destination) ?? destination}`;
  return { name, health: health.state, mtlsRatio, signals };
}

function formatRows(rows: readonly SignalsRow[]): string {
  if (rows.length === 0) return "No traffic yet, and nothing is registered.";
  const marks = { in: "  ← ", out: "  → " };
  return formatTable(
    ["NAME", "SUCCESS", "RPS", "LATENCY_P50", "LATENCY_P95", "LATENCY_P99", "MTLS", "HEALTH"],
    rows.map(({ name, direction, health, mtlsRatio, signals }) => [
      `${direction === undefined ? "" : marks[direction]}${name}`,
      formatPercent(signals.errorRatio === undefined ? undefined : 1 - signals.errorRatio),
      signals.requestsPerSecond.toFixed(1),
      formatMs(signals.p50Ms),
      formatMs(signals.p95Ms),
      formatMs(signals.p99Ms),
      formatPercent(mtlsRatio),
      health,
    ]),
  );
}
