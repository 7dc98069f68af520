import { type GraphEdge, GraphSnapshot } from "@heddle/contracts";
import { type Command, InvalidArgumentError, Option } from "commander";
import { formatDot } from "../print/graph-dot.ts";
import { formatMs, formatPercent, formatTable } from "../print/table.ts";
import { openApi } from "./command-kit.ts";

type GraphOptions = {
  readonly output: "table" | "json" | "dot";
  readonly view: string;
  readonly window: number;
  readonly namespace?: string;
};

/** `heddle graph`: the service graph with golden signals, as the console shows it. */
export function addGraphCommand(program: Command): void {
  program
    .command("graph")
    .description("show who calls whom, how often, how well")
    .addOption(
      new Option("-o, --output <format>", "what to print")
        .choices(["table", "json", "dot"])
        .default("table"),
    )
    .addOption(
      new Option("--view <view>", "versions apart or folded")
        .choices(["service", "workload"])
        .default("service"),
    )
    .option("--window <duration>", "the last 30s, 5m, 1h", parseDurationMs, 30_000)
    .option("-n, --namespace <namespace>", "only of this namespace")
    .action(async ({ output, view, window: windowMs, namespace }: GraphOptions) => {
      const query = { windowMs, view, namespace };
      const graph = await (await openApi()).ask(GraphSnapshot, "/graph", { query });
      const formats = {
        table: () => formatEdges(graph),
        json: () => JSON.stringify(graph, null, 2),
        dot: () => formatDot(graph),
      };
      process.stdout.write(`${formats[output]()}\n`);
    });
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `30s`, `5m`, `1h`, `2d`. */
export function parseDurationMs(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit ?? ""];
  if (unitMs !== undefined && Number(count) > 0) return Number(count) * unitMs;
  throw new InvalidArgumentError("expected a duration such as 30s, 5m, 1h");
}

function formatEdges({ nodes, edges }: GraphSnapshot): string {
  const labels = new Map(
    nodes.map(({ id, label, version }) => [
      id,
      version === undefined ? label : `${label} ${version}`,
    ]),
  );
  const byTraffic = [...edges].sort(
    (a, b) => b.signals.requestsPerSecond - a.signals.requestsPerSecond,
  );
  return formatTable(
    ["FROM", "TO", "PROTOCOL", "RPS", "BYTES/S", "ERRORS", "P50", "P95", "P99", "MTLS", "HEALTH"],
    byTraffic.map(({ source, destination, protocol, signals, tcp, mtlsRatio, health }) => [
      labels.get(source) ?? source,
      labels.get(destination) ?? destination,
      protocol,
      protocol === "tcp" ? "-" : signals.requestsPerSecond.toFixed(1), // it knows no requests
      bytesBothWays(signals, tcp).toFixed(0),
      formatPercent(signals.errorRatio),
      formatMs(signals.p50Ms),
      formatMs(signals.p95Ms),
      formatMs(signals.p99Ms),
      formatPercent(mtlsRatio),
      health.state,
    ]),
  );
}

function bytesBothWays(signals: GraphEdge["signals"], tcp: GraphEdge["tcp"]): number {
  const ofRequests = signals.requestBytesPerSecond + signals.responseBytesPerSecond;
  return ofRequests + (tcp?.sentBytesPerSecond ?? 0) + (tcp?.receivedBytesPerSecond ?? 0);
}
