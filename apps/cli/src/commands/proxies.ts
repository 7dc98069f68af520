import { ProxiesResponse } from "@heddle/contracts";
import type { Command } from "commander";
import { formatAge, formatTable } from "../print/table.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";

/** `heddle proxies`: who runs which revision. */
export function addProxiesCommand(program: Command): void {
  withOutput(program.command("proxies"))
    .description("list proxies and whether they run what they were sent")
    .action(async (options: OutputOptions) => {
      print(options, await (await openApi()).ask(ProxiesResponse, "/proxies"), formatProxies);
    });
}

function formatProxies({ proxies }: ProxiesResponse): string {
  const nowMs = Date.now();
  return formatTable(
    ["PROXY", "STATE", "SYNC", "FOR", "SENT", "ACKED", "WORKLOADS"],
    proxies.map((one) => [
      one.name,
      one.connected ? "connected" : "gone",
      one.sync,
      formatAge(one.sinceMs, nowMs),
      String(one.sentRevision),
      String(one.ackedRevision),
      one.lastNack === undefined ? one.workloads.join(", ") : `refused: ${one.lastNack}`,
    ]),
  );
}
