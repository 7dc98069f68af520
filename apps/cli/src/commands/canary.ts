import {
  CanariesResponse,
  type Canary,
  CanaryChangeResponse,
  GraphSnapshot,
  type SignalsWire,
} from "@heddle/contracts";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { formatMs, formatPercent, formatTable } from "../print/table.ts";
import {
  type OutputOptions,
  openApi,
  parseTarget,
  print,
  wholeNumber,
  withOutput,
} from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";

type StartOptions = ChangeOptions & {
  readonly version: string;
  readonly stable?: string;
  readonly weight: number;
};
type StatusOptions = OutputOptions & { readonly namespace: string; readonly window: number };
type ChangeOptions = OutputOptions & { readonly namespace: string; readonly reason?: string };

/** How a version fares; `undefined`: nothing was seen of it. */
type ObservedSide = Pick<
  SignalsWire,
  "requests" | "requestsPerSecond" | "errors" | "errorRatio" | "p50Ms" | "p99Ms"
>;
type CanaryStatus = Canary & {
  readonly windowMs: number;
  readonly observed: {
    readonly stable: ObservedSide | undefined;
    readonly canary: ObservedSide | undefined;
    /** The canary's share of the requests, 0 to 1; `undefined`: none came. */
    readonly share: number | undefined;
  };
};

/** `heddle canary`: start, look, shift, promote, roll back. */
export function addCanaryCommands(program: Command): void {
  const canary = program.command("canary").description("versions on trial");
  withOutput(canary.command("list"))
    .description("list services whose traffic is split in two")
    .action(async (options: OutputOptions) => {
      print(options, await (await openApi()).ask(CanariesResponse, "/canaries"), formatCanaries);
    });
  addChange(canary, "start", "put a version on trial beside the one that has all the traffic")
    .requiredOption(
      "--version <version>",
      "the version on trial; a workload of it must be registered",
    )
    .option("--stable <version>", "what it is judged against, where that is not clear")
    .addOption(
      new Option("--weight <percent>", "its share of the traffic")
        .argParser(wholeNumber(0, 100))
        .default(5),
    )
    .action(async (service: string, options: StartOptions) => {
      const { version, stable, weight } = options;
      const wish = { version, canaryPercent: weight, ...(stable === undefined ? {} : { stable }) };
      await change(service, "start", wish, options);
    });
  withOutput(canary.command("status"))
    .description("show what share canaries were given and got, and how both versions fare")
    .argument("[service]", "[namespace/]service; all canaries without it")
    .option("-n, --namespace <namespace>", "its namespace", "default")
    .addOption(
      new Option("--window <duration>", "of the last 30s, 5m, up to 1h")
        .argParser(parseDurationMs)
        .default(60_000, "1m"),
    )
    .action(async (service: string | undefined, options: StatusOptions) => {
      print(options, { canaries: await findStatus(service, options) }, formatStatus);
    });
  addChange(canary, "promote", "send every request to the version on trial").action(
    async (service: string, options: ChangeOptions) => change(service, "promote", {}, options),
  );
  addChange(canary, "weight", "give the canary this share of the traffic")
    .argument("<percent>", "0 to 100", wholeNumber(0, 100))
    .action(async (service: string, canaryPercent: number, options: ChangeOptions) => {
      await change(service, "weight", { canaryPercent }, options);
    });
  addChange(canary, "rollback", "send every request back to the stable version").action(
    async (service: string, options: ChangeOptions) => change(service, "rollback", {}, options),
  );
}

function addChange(canary: Command, name: string, description: string): Command {
  return withOutput(canary.command(name))
    .description(description)
    .argument("<service>", "[namespace/]service")
    .option("-n, --namespace <namespace>", "its namespace", "default")
    .option("--reason <text>", "why, kept in the history");
}

async function change(
  service: string,
  action: "start" | "weight" | "promote" | "rollback",
  body: Readonly<Record<string, unknown>>,
  options: ChangeOptions,
): Promise<void> {
  const { namespace, name } = parseTarget(service, options.namespace);
  const path = `/canaries/${namespace}/${name}/${action}`;
  const answer = await (await openApi()).ask(CanaryChangeResponse, path, {
    method: "POST",
    body: {
      ...body,
      source: "cli",
      sinceClickMs: 0,
      ...(options.reason === undefined ? {} : { reason: options.reason }),
    },
  });
  print(options, answer, formatChange);
}

async function findStatus(
  service: string | undefined,
  options: StatusOptions,
): Promise<CanaryStatus[]> {
  const api = await openApi();
  const query = { windowMs: options.window, view: "workload" };
  const [{ canaries }, graph] = await Promise.all([
    api.ask(CanariesResponse, "/canaries"),
    api.ask(GraphSnapshot, "/graph", { query }),
  ]);
  const asked = service === undefined ? undefined : parseTarget(service, options.namespace);
  const meant = canaries.filter(
    (one) => !asked || (one.namespace === asked.namespace && one.service === asked.name),
  );
  if (asked && meant.length === 0) {
    const known = canaries.map((one) => `${one.namespace}/${one.service}`).join(", ");
    throw new UsageError(
      `${asked.namespace}/${asked.name} has no canary; ${known === "" ? "there is none" : `there are ${known}`}`,
    );
  }
  return meant.map((one) => observe(one, graph));
}

function observe(one: Canary, graph: GraphSnapshot): CanaryStatus {
  // A version is a workload: a subset that selects several is seen as its busiest.
  const sideOf = (workloads: readonly string[]) =>
    graph.nodes
      .filter(({ namespace, workload }) => workloads.includes(`${namespace}/${workload}`))
      .map(({ signals }) => signals)
      .sort((a, b) => b.requests - a.requests)[0];
  const [stable, canary] = [sideOf(one.stable.workloads), sideOf(one.canary.workloads)];
  const total = (stable?.requests ?? 0) + (canary?.requests ?? 0);
  const share = total === 0 ? undefined : (canary?.requests ?? 0) / total;
  return { ...one, windowMs: graph.windowMs, observed: { stable, canary, share } };
}

function formatStatus({ canaries }: { readonly canaries: readonly CanaryStatus[] }): string {
  if (canaries.length === 0) return "No service has a canary.";
  return formatTable(
    ["SERVICE", "VERSION", "", "GIVEN", "GOT", "RPS", "ERRORS", "P50", "P99"],
    canaries.flatMap((one) => {
      const { observed } = one;
      const got = { canary: observed.share, stable: observed.share && 1 - observed.share };
      if (observed.share === 0) got.stable = 1;
      return (["stable", "canary"] as const).map((side) => {
        const signals = observed[side];
        return [
          side === "stable" ? `${one.namespace}/${one.service}` : "",
          one[side].version ?? one[side].subset,
          side === "canary" ? "on trial" : "stable",
          formatPercent(one[side].share),
          formatPercent(got[side]),
          signals === undefined ? "-" : signals.requestsPerSecond.toFixed(1),
          formatPercent(signals?.errorRatio),
          formatMs(signals?.p50Ms),
          formatMs(signals?.p99Ms),
        ];
      });
    }),
  );
}

function formatChange(answer: CanaryChangeResponse): string {
  const { revision, proxiesAcked, proxiesTotal, ackedAfterMs, lastCanaryRequestAfterMs } = answer;
  const after = ackedAfterMs === undefined ? "" : ` after ${Math.round(ackedAfterMs)} ms`;
  const last =
    lastCanaryRequestAfterMs === undefined
      ? ""
      : `; last canary request at ${Math.round(lastCanaryRequestAfterMs)} ms`;
  return `revision ${revision}: ${proxiesAcked} of ${proxiesTotal} proxies run it${after}${last}`;
}

function formatCanaries({ canaries }: CanariesResponse): string {
  return formatTable(
    ["SERVICE", "STABLE", "CANARY", "SHARE", "REVISION", "BY"],
    canaries.map((one) => [
      `${one.namespace}/${one.service}`,
      one.stable.subset,
      one.canary.subset,
      formatPercent(one.canary.share),
      String(one.revision),
      one.startedBy,
    ]),
  );
}
