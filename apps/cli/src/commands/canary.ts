import { CanariesResponse, CanaryChangeResponse } from "@heddle/contracts";
import type { Command } from "commander";
import { formatPercent, formatTable } from "../print/table.ts";
import {
  type OutputOptions,
  openApi,
  parseTarget,
  print,
  wholeNumber,
  withOutput,
} from "./command-kit.ts";

type ChangeOptions = OutputOptions & { readonly namespace: string; readonly reason?: string };

/** `heddle canary`: list, shift, roll back. */
export function addCanaryCommands(program: Command): void {
  const canary = program.command("canary").description("versions on trial");
  withOutput(canary.command("list"))
    .description("list services whose traffic is split in two")
    .action(async (options: OutputOptions) => {
      print(options, await (await openApi()).ask(CanariesResponse, "/canaries"), formatCanaries);
    });
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
  action: "weight" | "rollback",
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
