import {
  TapBatch,
  TapEndResponse,
  type TapFilter,
  type TapRequest,
  TapResponse,
  type TapTarget,
  WorkloadsResponse,
} from "@heddle/contracts";
import { compileTapStatus, InvalidTapStatusError } from "@heddle/mesh";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ApiClient } from "../api/api-client.ts";
import { UsageError } from "../errors.ts";
import { paintForTerminal, TapLines, TapSummary } from "../print/tap-lines.ts";
import {
  type OutputOptions,
  openApi,
  parseTarget,
  wholeNumber,
  withOutput,
} from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";

const MAX_RPS = 1000;
const MAX_FOR_MS = 600_000;

type TapOptions = OutputOptions & {
  readonly to?: string;
  readonly from?: string;
  readonly direction?: "inbound" | "outbound";
  readonly method: readonly string[];
  readonly path?: string;
  readonly status: readonly string[];
  readonly header: readonly string[];
  readonly maxRps: number;
  readonly for: number;
  readonly limit?: number;
};

/** `heddle tap`: live requests of some workloads, while it runs. */
export function addTapCommand(program: Command): void {
  withOutput(program.command("tap"))
    .description("show live requests of services or workloads, as their sidecars see them")
    .argument("<targets...>", "[namespace/]name of a service or workload")
    .option("--to <name>", "only what they send to this service, workload or host")
    .option("--from <name>", "only what comes from this service or workload")
    .addOption(
      new Option("--direction <way>", "only what comes to them, or what they send").choices([
        "inbound",
        "outbound",
      ]),
    )
    .option("--method <method>", "GET; again for several", gather, [])
    .option("--path <path>", "what the path begins with; with * the whole path")
    .addOption(
      new Option("--status <status>", "404, 5xx, 500-503, none, failed; again for several")
        .argParser(gatherStatus)
        .default([], "any"),
    )
    .option("--header <name[=value]>", "of the request; * is any characters", gather, [])
    .addOption(
      new Option("--max-rps <n>", "show at most so many a second, count the rest")
        .argParser(wholeNumber(1, MAX_RPS))
        .default(100),
    )
    .addOption(
      new Option("--for <duration>", "how long, 1s to 10m")
        .argParser(parseFor)
        .default(60_000, "60s"),
    )
    .addOption(new Option("--limit <n>", "end after so many").argParser(wholeNumber(1, 1_000_000)))
    .addHelpText(
      "after",
      "\nBodies, queries and credentials are never shown. -o json prints one request a line. Needs operator on the namespaces.",
    )
    .action(async (names: string[], options: TapOptions) => {
      const api = await openApi();
      await follow(api, await toRequest(api, names, options), options);
    });
}

async function follow(api: ApiClient, body: TapRequest, options: TapOptions): Promise<void> {
  const { tap, workloads, proxies, deafProxies } = await api.ask(TapResponse, "/taps", {
    method: "POST",
    body,
  });
  const isJson = options.output === "json";
  if (!isJson) {
    const sidecars = `${proxies} ${proxies === 1 ? "proxy" : "proxies"}`;
    const seconds = Math.round(options.for / 1000);
    say(`tapping ${workloads.join(", ")} at ${sidecars} for ${seconds} s; Ctrl-C ends it`);
  }
  if (deafProxies.length > 0) {
    say(`these proxies are too old to be tapped: ${deafProxies.join(", ")}`);
  }
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  process.once("SIGINT", leave).once("SIGTERM", leave);
  process.stdout.on("error", leave); // whoever reads the pipe has gone
  const summary = new TapSummary();
  try {
    await printUntilOver(api, tap.id, leaving.signal, summary, options);
  } finally {
    process.off("SIGINT", leave).off("SIGTERM", leave);
    await api.ask(TapEndResponse, `/taps/${tap.id}`, { method: "DELETE" });
  }
  if (!isJson) say(summary.words());
  else if (summary.notShown > 0) say(`${summary.notShown} not shown`);
}

async function printUntilOver(
  api: ApiClient,
  tapId: string,
  signal: AbortSignal,
  summary: TapSummary,
  { output, limit = Number.POSITIVE_INFINITY }: TapOptions,
): Promise<void> {
  const lines = new TapLines(paintForTerminal);
  for await (const { event, data } of api.follow(`/tapped/${tapId}`, signal)) {
    if (event === "end") return;
    if (event !== "requests") continue;
    const { events, notShown } = TapBatch.parse(JSON.parse(data));
    summary.miss(notShown);
    for (const one of events) {
      if (summary.shown >= limit || signal.aborted) break;
      summary.note(one);
      process.stdout.write(`${output === "json" ? JSON.stringify(one) : lines.line(one)}\n`);
    }
    if (summary.shown >= limit) return;
  }
}

async function toRequest(
  api: ApiClient,
  names: readonly string[],
  options: TapOptions,
): Promise<TapRequest> {
  const { workloads } = await api.ask(WorkloadsResponse, "/workloads");
  const targets = names.map((name) => findTarget(workloads, name));
  const namespace = targets[0]?.namespace ?? "default";
  const { direction, path, method, status } = options;
  const filter: TapFilter = {
    ...(direction === undefined ? {} : { direction }),
    ...(options.from === undefined ? {} : { from: parseTarget(options.from, namespace) }),
    ...(options.to === undefined ? {} : { to: parseTarget(options.to, namespace) }),
    ...(method.length === 0 ? {} : { methods: method.map((one) => one.toUpperCase()) }),
    ...(path === undefined ? {} : { path }),
    ...(status.length === 0 ? {} : { statuses: [...status] }),
    ...(options.header.length === 0 ? {} : { headers: options.header.map(parseHeader) }),
  };
  return { targets, filter, maxPerSecond: options.maxRps, forMs: options.for };
}

/** A service goes before a workload of the same name; without a namespace there must be but one. */
function findTarget(workloads: WorkloadsResponse["workloads"], text: string): TapTarget {
  const [first = "", second, more] = text.split("/");
  if (more !== undefined || first === "" || second === "") {
    throw new UsageError(`"${text}": expected [namespace/]name`);
  }
  const name = second ?? first;
  const among = workloads.filter((one) => second === undefined || one.namespace === first);
  const services = among.filter(({ service }) => service === name);
  const found = services.length > 0 ? services : among.filter((one) => one.name === name);
  const namespaces = [...new Set(found.map((one) => one.namespace))];
  const [namespace] = namespaces;
  if (namespace === undefined) {
    throw new UsageError(
      `"${text}": no such service or workload; \`heddle get workloads\` lists them`,
    );
  }
  if (namespaces.length > 1) {
    const which = namespaces.map((one) => `${one}/${name}`).join(" or ");
    throw new UsageError(`"${text}" is in several namespaces: say ${which}`);
  }
  return services.length > 0 ? { namespace, service: name } : { namespace, workload: name };
}

function parseFor(text: string): number {
  const forMs = parseDurationMs(text);
  if (forMs <= MAX_FOR_MS) return forMs;
  throw new InvalidArgumentError("a tap lasts at most 10m");
}

function parseHeader(text: string): { name: string; value?: string } {
  const at = text.indexOf("=");
  if (at === 0) throw new UsageError(`--header "${text}": expected name or name=value`);
  return at < 0 ? { name: text } : { name: text.slice(0, at), value: text.slice(at + 1) };
}

function gather(text: string, before: readonly string[]): string[] {
  return [...before, text];
}

function gatherStatus(text: string, before: readonly string[]): string[] {
  try {
    compileTapStatus(text);
  } catch (error) {
    if (!(error instanceof InvalidTapStatusError)) throw error;
    throw new InvalidArgumentError(error.message);
  }
  return [...before, text];
}

/** For people only: beside what is piped on. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
