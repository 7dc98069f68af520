import { ApplyResponse, MtlsModeWire, WorkloadsResponse } from "@heddle/contracts";
import { HeddleError } from "@heddle/runtime";
import { type Command, InvalidArgumentError } from "commander";
import { formatTable } from "../print/table.ts";
import { formatApplied } from "./apply.ts";
import { type OutputOptions, openApi, parseTarget, print, withOutput } from "./command-kit.ts";

type SetOptions = OutputOptions & { readonly namespace: string; readonly reason?: string };

/** `heddle mtls get|set`: what workloads demand of their callers. */
export function addMtlsCommands(program: Command): void {
  const mtls = program.command("mtls").description("what workloads demand of their callers");
  withOutput(mtls.command("get"))
    .description("list modes")
    .argument("[workload]", "[namespace/]workload")
    .option("-n, --namespace <namespace>", "its namespace", "default")
    .action(async (workload: string | undefined, options: SetOptions) => {
      const all = await (await openApi()).ask(WorkloadsResponse, "/workloads");
      const target = workload === undefined ? undefined : parseTarget(workload, options.namespace);
      const workloads = all.workloads.filter(
        (one) =>
          target === undefined || (one.namespace === target.namespace && one.name === target.name),
      );
      if (target !== undefined && workloads.length === 0) {
        throw new HeddleError(
          "HEDDLE_NOT_FOUND",
          `there is no workload ${target.namespace}/${target.name}`,
        );
      }
      print(options, { workloads }, formatModes);
    });
  withOutput(mtls.command("set"))
    .description("set a workload's mode: STRICT refuses plaintext, PERMISSIVE takes both")
    .argument("<workload>", "[namespace/]workload")
    .argument("<mode>", MtlsModeWire.options.join(", "), parseMode)
    .option("-n, --namespace <namespace>", "its namespace", "default")
    .option("--reason <text>", "why, kept in the history")
    .action(async (workload: string, mode: string, options: SetOptions) => {
      const { namespace, name } = parseTarget(workload, options.namespace);
      const answer = await (await openApi()).ask(ApplyResponse, `/mtls/${namespace}/${name}`, {
        method: "PUT",
        body: {
          mode,
          source: "cli",
          ...(options.reason === undefined ? {} : { reason: options.reason }),
        },
      });
      print(options, answer, formatApplied);
    });
}

function parseMode(text: string): string {
  const mode = MtlsModeWire.safeParse(text.toUpperCase());
  if (mode.success) return mode.data;
  throw new InvalidArgumentError(`expected ${MtlsModeWire.options.join(", ")}`);
}

function formatModes({ workloads }: WorkloadsResponse): string {
  return formatTable(
    ["WORKLOAD", "MODE", "FROM"],
    workloads.map((one) => [
      `${one.namespace}/${one.name}`,
      one.mtlsMode,
      one.mtlsPolicy === undefined ? "default" : `PeerAuthentication ${one.mtlsPolicy}`,
    ]),
  );
}
