import {
  type Bypass,
  BypassesResponse,
  BypassResponse,
  type BypassTarget,
} from "@heddle/contracts";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { formatTable } from "../print/table.ts";
import { type OutputOptions, openApi, parseTarget, print, withOutput } from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";

type Named = OutputOptions & { readonly namespace: string };
type OnOptions = Named & {
  readonly for: number;
  readonly callerIs: "service" | "workload";
  readonly includeAuthorization?: boolean;
  readonly reason?: string;
};
type OffOptions = Named & { readonly reason?: string };

/** `heddle bypass`: off the mesh's rules and back, for the night when the mesh itself is the suspect. */
export function addBypassCommands(program: Command): void {
  const bypass = program
    .command("bypass")
    .description("take a pair of services, or a workload, off the mesh's rules for a while");
  withOutput(bypass.command("on"))
    .description(
      "CALLER SERVICE: its calls to the service; WORKLOAD: whatever it calls and is called for",
    )
    .argument("<caller-or-workload>", "[namespace/]name")
    .argument("[service]", "[namespace/]name of the service that is called")
    .option("-n, --namespace <namespace>", "for names without one", "default")
    .addOption(
      new Option("--for <duration>", "how long, 1m to 24h")
        .argParser(parseDurationMs)
        .default(1_800_000, "30m"),
    )
    .addOption(
      new Option("--caller-is <what>", "what names the caller")
        .choices(["service", "workload"])
        .default("service"),
    )
    .option("--include-authorization", "of a workload: its policies do not hold either (admin)")
    .option("--reason <text>", "why, kept in the history")
    .addHelpText(
      "after",
      "\nmTLS stays. The proxies end it by themselves, also without control plane.",
    )
    .action(async (who: string, service: string | undefined, options: OnOptions) => {
      const answer = await (await openApi()).ask(BypassResponse, "/bypasses", {
        method: "POST",
        body: {
          target: toTarget(who, service, options),
          forMs: options.for,
          source: "cli",
          ...(options.reason === undefined ? {} : { reason: options.reason }),
        },
      });
      print(options, answer, formatOn);
    });
  withOutput(bypass.command("off"))
    .description("end a bypass now")
    .argument("<name>", "[namespace/]name, as `heddle bypass list` shows it")
    .option("-n, --namespace <namespace>", "its namespace", "default")
    .option("--reason <text>", "why, kept in the history")
    .action(async (name: string, options: OffOptions) => {
      const target = parseTarget(name, options.namespace);
      const path = `/bypasses/${encodeURIComponent(target.namespace)}/${encodeURIComponent(target.name)}`;
      const query = { reason: options.reason, source: "cli" };
      const answer = await (await openApi()).ask(BypassResponse, path, { method: "DELETE", query });
      print(options, answer, ({ revision }) => `the mesh's rules hold again: revision ${revision}`);
    });
  withOutput(bypass.command("list"))
    .description("list what is off the mesh's rules")
    .action(async (options: OutputOptions) => {
      print(options, await (await openApi()).ask(BypassesResponse, "/bypasses"), formatList);
    });
}

function toTarget(who: string, service: string | undefined, options: OnOptions): BypassTarget {
  const first = parseTarget(who, options.namespace);
  if (service === undefined) {
    return {
      ...{ kind: "workload", namespace: first.namespace, workload: first.name },
      ...(options.includeAuthorization === true ? { includeAuthorization: true } : {}),
    };
  }
  if (options.includeAuthorization === true) {
    throw new UsageError("--include-authorization is for a workload; of a pair, policies stay");
  }
  const called = parseTarget(service, options.namespace);
  const { namespace, name } = first;
  return {
    kind: "pair",
    source: {
      namespace,
      ...(options.callerIs === "workload" ? { workload: name } : { service: name }),
    },
    destination: { namespace: called.namespace, service: called.name },
  };
}

function formatOn({ revision, bypass }: BypassResponse): string {
  if (bypass === undefined) return `revision ${revision}`;
  const { namespace, name, summary, lifts, keeps } = bypass;
  return [
    `${summary}: revision ${revision}`,
    ...lifts.map((one) => `  lifted: ${one}`),
    ...keeps.map((one) => `  stays:  ${one}`),
    `end it sooner: heddle bypass off ${namespace}/${name}`,
  ].join("\n");
}

function formatList({ bypasses }: BypassesResponse): string {
  if (bypasses.length === 0) return "Nothing is off the mesh's rules.";
  return formatTable(
    ["NAME", "WHAT", "UNTIL", "STATE"],
    bypasses.map(({ namespace, name, summary, untilMs, isActive }: Bypass) => [
      `${namespace}/${name}`,
      summary,
      new Date(untilMs).toISOString().slice(0, 19),
      isActive ? "on" : "over",
    ]),
  );
}
