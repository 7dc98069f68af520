import { ReplicasResponse } from "@heddle/contracts";
import type { Command } from "commander";
import { formatAge, formatTable } from "../print/table.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";

/** `heddle replicas`: the control planes over one database. */
export function addReplicasCommand(program: Command): void {
  withOutput(program.command("replicas"))
    .description("list the control planes over this database and what each carries out for all")
    .action(async (options: OutputOptions) => {
      const api = await openApi();
      print(options, await api.ask(ReplicasResponse, "/replicas"), formatReplicas);
    });
}

function formatReplicas({ replicas }: ReplicasResponse, nowMs = Date.now()): string {
  const table = formatTable(
    ["REPLICA", "HOST", "STATE", "FOR PROXIES", "PROXIES", "REVISION", "UP", "VERSION", "DUTIES"],
    replicas.map((one) => [
      one.isAnswering ? `${one.id} (answers)` : one.id,
      one.name,
      one.isAlive ? "alive" : `silent for ${formatAge(one.seenAtMs, nowMs)}`,
      one.controlAddress,
      String(one.proxiesConnected),
      String(one.revision),
      formatAge(one.startedAtMs, nowMs),
      one.version,
      one.duties.join(", "),
    ]),
  );
  const skews = replicas.flatMap(({ id, versionSkew }) =>
    versionSkew === undefined ? [] : `${id}: ${versionSkew}`,
  );
  return [table, ...skews].join("\n");
}
