import { ProxiesResponse, ProxyDetail, type ProxyState } from "@heddle/contracts";
import type { Command } from "commander";
import { formatAge, formatTable } from "../print/table.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";
import { findProxy } from "./find-proxy.ts";

/** `heddle proxies [PROXY]`: who runs which revision, and one of them closely. */
export function addProxiesCommand(program: Command): void {
  withOutput(program.command("proxies"))
    .argument(
      "[proxy]",
      "name or id of a proxy, or [namespace/]workload it serves: shows it closely",
    )
    .description("list proxies and whether they run what they were sent")
    .option("-n, --namespace <namespace>", "where a workload is looked for", "default")
    .action(async (wanted: string | undefined, options: OutputOptions & { namespace: string }) => {
      const api = await openApi();
      const answer = await api.ask(ProxiesResponse, "/proxies");
      if (wanted === undefined) return print(options, answer, formatProxies);
      const { proxyId } = findProxy(answer.proxies, wanted, options.namespace);
      const path = `/proxies/${encodeURIComponent(proxyId)}`;
      print(options, await api.ask(ProxyDetail, path), formatProxy);
    });
}

export function formatProxies({ proxies }: ProxiesResponse, nowMs = Date.now()): string {
  const table = formatTable(
    ["PROXY", "STATE", "SYNC", "FOR", "SENT", "ACKED", "VERSION", "WORKLOADS"],
    proxies.map((one) => [
      one.name,
      one.connected ? "connected" : "gone",
      one.sync,
      formatAge(one.sinceMs, nowMs),
      String(one.sentRevision),
      String(one.ackedRevision),
      one.version,
      one.lastNack === undefined ? one.workloads.join(", ") : `refused: ${one.lastNack}`,
    ]),
  );
  return [
    table,
    ...proxies.flatMap(warningsOf),
    ...proxies.flatMap(bypassesOf),
    ...proxies.flatMap(pushOf),
  ].join("\n");
}

export function formatProxy(proxy: ProxyDetail, nowMs = Date.now()): string {
  const kinds = formatTable(
    ["KIND", "SYNC", "FOR", "ACKED", "LAST SENT", "LAST ACKED"],
    proxy.kinds.map((one) => [
      one.kind,
      one.sync,
      formatAge(one.sinceMs, nowMs),
      `${one.acked} of ${one.total}`,
      formatAgo(one.lastSentMs, nowMs),
      formatAgo(one.lastAckedMs, nowMs),
    ]),
  );
  const refused = proxy.refused.map(
    ({ key, reason, atMs }) => `refused ${formatAge(atMs, nowMs)} ago: ${key}: ${reason}`,
  );
  return [formatProxies({ proxies: [proxy] }, nowMs), "", kinds, ...refused].join("\n");
}

function warningsOf({ name, warnings = [] }: ProxyState): string[] {
  return warnings.map((warning) => `warning: ${name}: ${warning}`);
}

function bypassesOf({ name, bypasses = [] }: ProxyState): string[] {
  return bypasses.map((one) => `off the mesh's rules: ${name}: ${one}`);
}

function pushOf({ name, push }: ProxyState): string[] {
  if (push === undefined) return [];
  const stage = push.stage === "first" ? "has it first" : "waits, and runs what was before";
  return [`canaried push: ${name} ${stage}`];
}

/** `-`: not on this stream. */
function formatAgo(ms: number | undefined, nowMs: number): string {
  return ms === undefined ? "-" : `${formatAge(ms, nowMs)} ago`;
}
