import {
  InstanceOverrideResponse,
  type InstanceOverrideState,
  InstanceOverridesResponse,
} from "@heddle/contracts";
import { type Command, InvalidArgumentError, Option } from "commander";
import { formatAge, formatTable } from "../print/table.ts";
import {
  type OutputOptions,
  openApi,
  parseTarget,
  print,
  wholeNumber,
  withOutput,
} from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";

type SetOptions = OutputOptions & {
  readonly namespace: string;
  readonly for?: number;
  readonly reason?: string;
  readonly acceptEndpointLoss?: boolean;
};

/** `heddle instance`: one instance set by hand, as a revision. */
export function addInstanceCommands(program: Command): void {
  const instance = program
    .command("instance")
    .description("take one instance out of use, or set its weight, labels or locality, by hand");
  addSetting(instance, "drain", "give it no new requests").action(
    async (workload: string, address: string, options: SetOptions) =>
      set(workload, address, { drain: true }, options),
  );
  addSetting(instance, "weight", "give it this share beside the others, each of which has 1")
    .argument("<weight>", "1 to 10000", wholeNumber(1, 10_000))
    .action(async (workload: string, address: string, weight: number, options: SetOptions) =>
      set(workload, address, { weight }, options),
    );
  addSetting(instance, "label", "set labels in the place of its own of these names")
    .argument("<labels...>", "name=value", parseLabel)
    .action(
      async (
        workload: string,
        address: string,
        labels: Readonly<Record<string, string>>,
        options: SetOptions,
      ) => set(workload, address, { labels }, options),
    );
  addSetting(instance, "locality", "say where it is")
    .argument("<locality>", "region/zone/subzone")
    .action(async (workload: string, address: string, locality: string, options: SetOptions) =>
      set(workload, address, { locality }, options),
    );
  addTarget(withOutput(instance.command("restore")))
    .description("use it as it says itself again")
    .option("--reason <text>", "why, kept in the history")
    .action(async (workload: string, address: string, options: SetOptions) => {
      const query = { address, reason: options.reason, source: "cli" };
      const told = await (await openApi()).ask(
        InstanceOverrideResponse,
        pathOf(workload, options),
        { method: "DELETE", query },
      );
      print(options, told, formatTold);
    });
  withOutput(instance.command("list"))
    .description("list what was set by hand, by whom and why")
    .action(async (options: OutputOptions) => {
      const answer = await (await openApi()).ask(InstanceOverridesResponse, "/registry/overrides");
      print(options, answer, (told) => formatOverrides(told, Date.now()));
    });
}

function addTarget(command: Command): Command {
  return command
    .argument("<workload>", "[namespace/]name")
    .argument("<address>", "where it serves, host:port; without port: all of the workload there")
    .option("-n, --namespace <namespace>", "for names without one", "default");
}

function addSetting(instance: Command, name: string, description: string): Command {
  return addTarget(withOutput(instance.command(name)))
    .description(description)
    .addOption(
      new Option("--for <duration>", "end it by itself after this time").argParser(parseDurationMs),
    )
    .option("--reason <text>", "why, kept in the history and shown with its endpoint")
    .option("--accept-endpoint-loss", "also if a service in use loses most of its endpoints by it");
}

async function set(
  workload: string,
  address: string,
  setting: object,
  options: SetOptions,
): Promise<void> {
  const { reason, acceptEndpointLoss = false } = options;
  const body = {
    address,
    ...setting,
    ...(options.for === undefined ? {} : { untilMs: Date.now() + options.for }),
    ...(reason === undefined ? {} : { reason }),
    acceptEndpointLoss,
    source: "cli",
  };
  const told = await (await openApi()).ask(InstanceOverrideResponse, pathOf(workload, options), {
    method: "PUT",
    body,
  });
  print(options, told, formatTold);
}

function pathOf(workload: string, options: { readonly namespace: string }): string {
  const target = parseTarget(workload, options.namespace);
  return `/registry/overrides/${encodeURIComponent(target.namespace)}/${encodeURIComponent(target.name)}`;
}

function formatTold({ words, revision }: InstanceOverrideResponse): string {
  return revision === 0 ? words : `${words} Revision ${revision}.`;
}

function parseLabel(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("expected name=value");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

export function formatOverrides({ overrides }: InstanceOverridesResponse, nowMs: number): string {
  if (overrides.length === 0) return "nothing is set by hand";
  return formatTable(
    ["WORKLOAD", "ADDRESS", "SET", "BY", "SINCE", "UNTIL", "REASON"],
    overrides.map((one) => [
      `${one.namespace}/${one.workload}`,
      `${one.address}${one.endpoints.length === 0 ? " (nobody there)" : ""}`,
      formatSetting(one),
      one.by ?? "-",
      `${formatAge(one.atMs, nowMs)} ago`,
      one.untilMs === undefined ? "-" : new Date(one.untilMs).toISOString(),
      one.reason ?? "-",
    ]),
  );
}

function formatSetting({
  isDrained,
  weight,
  labels = {},
  locality,
}: InstanceOverrideState): string {
  return [
    ...(isDrained ? ["drained"] : []),
    ...(weight === undefined ? [] : [`weight ${weight}`]),
    ...Object.entries(labels).map(([name, value]) => `${name}=${value}`),
    ...(locality === undefined ? [] : [`locality ${locality}`]),
  ].join(", ");
}
