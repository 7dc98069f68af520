import { GraphSnapshot, RecentRequestsResponse, TraceResponse } from "@heddle/contracts";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { formatAge, formatMs, formatTable } from "../print/table.ts";
import { formatTrace } from "../print/trace-tree.ts";
import { type OutputOptions, openApi, print, wholeNumber, withOutput } from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";
import { findEdges } from "./signals.ts";

const HOUR_MS = 3_600_000;
const MOST_EDGES = 20; // each is a question of its own

type ListOptions = OutputOptions & {
  readonly failed?: boolean;
  readonly slowerThan?: number;
  readonly limit: number;
  readonly window: number;
};
type Listed = RecentRequestsResponse["requests"][number] & { readonly edge: string };

/** `heddle traces list|get`: sampled requests, and one of them hop by hop. */
export function addTracesCommands(program: Command): void {
  const traces = program.command("traces").description("sampled requests, and one hop by hop");
  withOutput(traces.command("list", { isDefault: true }))
    .description("list sampled requests, newest first, of all edges or of one")
    .argument("[edge]", "CALLER->CALLED; * stands for anybody", "*->*")
    .option("--failed", "only those that failed")
    .addOption(
      new Option("--slower-than <ms>", "only those that took longer").argParser(
        wholeNumber(0, HOUR_MS),
      ),
    )
    .addOption(new Option("--limit <n>", "how many").argParser(wholeNumber(1, 500)).default(20))
    .addOption(
      new Option("--window <duration>", "of edges with traffic in the last 5m, 1h")
        .argParser(parseDurationMs)
        .default(300_000, "5m"),
    )
    .action(async (edge: string, options: ListOptions) => {
      const requests = await listRequests(edge, options);
      const nowMs = Date.now();
      print(options, { requests }, () => formatRequests(requests, nowMs));
    });
  withOutput(traces.command("get"))
    .description("show one trace: its spans as a tree, and who failed")
    .argument("<trace-id>", "32 hex digits, or a traceparent")
    .action(async (text: string, options: OutputOptions) => {
      const traceId = /^(?:00-)?([0-9a-f]{32})(?:-|$)/i.exec(text)?.[1]?.toLowerCase();
      if (traceId === undefined) {
        throw new UsageError(`"${text}": expected a trace id of 32 hex digits, or a traceparent`);
      }
      const trace = await (await openApi()).ask(TraceResponse, `/traces/${traceId}`);
      print(options, trace, formatTrace);
    });
}

async function listRequests(text: string, options: ListOptions): Promise<Listed[]> {
  const [from, to, more] = text.split("->").map((part) => part.trim());
  if (!from || !to || more !== undefined) {
    throw new UsageError(`"${text}": expected CALLER->CALLED, such as "front->shop/reviews-v2"`);
  }
  const api = await openApi();
  const query = { windowMs: options.window, view: "workload" };
  const graph = await api.ask(GraphSnapshot, "/graph", { query });
  const edges = findEdges(graph, from, to)
    .sort((a, b) => b.signals.requestsPerSecond - a.signals.requestsPerSecond)
    .slice(0, MOST_EDGES);
  const found = await Promise.all(
    edges.map(async ({ id }) => {
      const path = `/edges/${encodeURIComponent(id)}/requests`;
      const { requests } = await api.ask(RecentRequestsResponse, path, { query: { limit: 500 } });
      const edge = id.replaceAll(/(workload|service|external|outside)\//g, "");
      return requests.map((one) => ({ ...one, edge }));
    }),
  );
  return found
    .flat()
    .filter(({ failed }) => failed || options.failed !== true)
    .filter(({ durationMs }) => durationMs > (options.slowerThan ?? -1))
    .sort((a, b) => b.startMs - a.startMs)
    .slice(0, options.limit);
}

function formatRequests(requests: readonly Listed[], nowMs: number): string {
  if (requests.length === 0) {
    return "No sampled request is like this; HEDDLE_TRACE_SAMPLING says which share is sampled.";
  }
  return formatTable(
    ["TRACE", "AGO", "EDGE", "STATUS", "TOOK", "REQUEST"],
    requests.map((one) => [
      one.traceId,
      formatAge(one.startMs, nowMs),
      one.edge,
      `${one.httpStatus ?? "-"}${one.flags === undefined || one.flags === "-" ? "" : ` ${one.flags}`}`,
      formatMs(one.durationMs),
      `${one.method} ${one.path}`,
    ]),
  );
}
