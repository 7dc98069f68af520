import { ProxiesResponse, ProxyConfigPart, ProxyConfigResponse } from "@heddle/contracts";
import { Argument, type Command } from "commander";
import { formatProxyConfig } from "../print/proxy-config-tables.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";
import { findProxy } from "./find-proxy.ts";

type Options = OutputOptions & { readonly namespace: string };

/** `heddle proxy-config WORKLOAD [PART]`: what a proxy says it runs, and where each part comes from. */
export function addProxyConfigCommand(program: Command): void {
  withOutput(program.command("proxy-config"))
    .argument("<workload>", "[namespace/]workload, or name or id of a proxy")
    .addArgument(
      new Argument("[part]", "what of it").choices(ProxyConfigPart.options).default("all"),
    )
    .description(
      "ask a workload's proxy what it really runs, and hold that against what it is to run",
    )
    .option("-n, --namespace <namespace>", "where the workload is looked for", "default")
    .action(async (wanted: string, part: ProxyConfigPart, options: Options) => {
      const api = await openApi();
      const { proxies } = await api.ask(ProxiesResponse, "/proxies");
      const { proxyId } = findProxy(proxies, wanted, options.namespace);
      const path = `/proxies/${encodeURIComponent(proxyId)}/config`;
      const answer = await api.ask(ProxyConfigResponse, path, { query: { part } });
      print(options, answer, formatProxyConfig);
    });
}
