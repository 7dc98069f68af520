import {
  type RegistrySource,
  RegistrySourcesResponse,
  SourceForgetResponse,
} from "@heddle/contracts";
import type { Command } from "commander";
import { formatAge, formatTable } from "../print/table.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";

/** `heddle sources`: where instances and documents come from beside proxies and people. */
export function addSourceCommands(program: Command): void {
  const sources = withOutput(program.command("sources"))
    .description(
      "list watched directories, names of the DNS and the API as sources of the registry",
    )
    .action(async (options: OutputOptions) => {
      const answer = await (await openApi()).ask(RegistrySourcesResponse, "/registry/sources");
      print(options, answer, (told) => formatSources(told, Date.now()));
    });
  withOutput(sources.command("forget"))
    .description("take out all that a source stands for which no control plane reads any more")
    .argument("<name>", "as `heddle sources` lists it")
    .option("--reason <text>", "why, kept in the history")
    .option("--accept-endpoint-loss", "also if services in use lose most of their endpoints by it")
    .action(
      async (
        name: string,
        options: OutputOptions & {
          readonly reason?: string;
          readonly acceptEndpointLoss?: boolean;
        },
      ) => {
        const { reason, acceptEndpointLoss = false } = options;
        const body = {
          name,
          source: "cli",
          acceptEndpointLoss,
          ...(reason === undefined ? {} : { reason }),
        };
        const told = await (await openApi()).ask(SourceForgetResponse, "/registry/sources/forget", {
          method: "POST",
          body,
        });
        print(options, told, ({ words, revision }) => `${words} Revision ${revision}.`);
      },
    );
}

export function formatSources({ sources }: RegistrySourcesResponse, nowMs: number): string {
  if (sources.length === 0) {
    return "no source: all come by proxies and documents (docs/registry.md tells of directories and the DNS)";
  }
  const table = formatTable(
    ["SOURCE", "STATE", "SINCE", "ENTRIES", "CHANGED", "HOLDS"],
    sources.map((one) => [
      one.name,
      one.state,
      formatAge(one.sinceMs, nowMs),
      String(one.count),
      one.lastChangeAtMs === undefined ? "-" : `${formatAge(one.lastChangeAtMs, nowMs)} ago`,
      String(one.holds.length),
    ]),
  );
  return [
    table,
    ...sources.flatMap((one) => [...formatFaults(one), ...formatLookups(one, nowMs)]),
  ].join("\n");
}

function formatFaults({ name, faults }: RegistrySource): string[] {
  return faults.map(({ file, line, message }) => {
    const place = [file, line].filter((part) => part !== undefined).join(":");
    return `${name}: ${place === "" ? "" : `${place}: `}${message}`;
  });
}

function formatLookups({ name, lookups = [] }: RegistrySource, nowMs: number): string[] {
  return lookups.map((one) => {
    const ttl = one.ttlSeconds === undefined ? "" : `, TTL ${one.ttlSeconds} s`;
    const next =
      one.nextAtMs === undefined || one.nextAtMs < nowMs
        ? ""
        : `, asked again in ${Math.ceil((one.nextAtMs - nowMs) / 1000)} s`;
    return `${name}: ${one.type} ${one.name} ${one.state}, ${one.count} endpoints${ttl}${next}`;
  });
}
