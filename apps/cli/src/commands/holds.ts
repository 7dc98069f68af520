import { HoldResponse, HoldsResponse, type RegistryHold } from "@heddle/contracts";
import type { Command } from "commander";
import { formatAge } from "../print/table.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";

/** `heddle holds`: what the registry would lose and keeps until somebody answers. */
export function addHoldCommands(program: Command): void {
  const holds = withOutput(program.command("holds"))
    .description("list the endpoints that are kept although the registry lost them, and why")
    .action(async (options: OutputOptions) => {
      const answer = await (await openApi()).ask(HoldsResponse, "/holds");
      print(options, answer, (told) => formatHolds(told, Date.now()));
    });
  addAnswer(holds, "confirm", "let them go: they are really gone");
  addAnswer(holds, "dismiss", "keep them, without being asked again");
}

function addAnswer(holds: Command, answer: "confirm" | "dismiss", description: string): void {
  withOutput(holds.command(answer))
    .description(description)
    .argument("<id>", "as `heddle holds` lists it")
    .option("--reason <text>", "why, kept in the history")
    .action(async (id: string, options: OutputOptions & { readonly reason?: string }) => {
      const { reason } = options;
      const told = await (await openApi()).ask(
        HoldResponse,
        `/holds/${encodeURIComponent(id)}/${answer}`,
        { method: "POST", body: { source: "cli", ...(reason === undefined ? {} : { reason }) } },
      );
      print(options, told, ({ revision, words }) =>
        revision === 0 ? words : `${words} Revision ${revision}.`,
      );
    });
}

export function formatHolds({ holds, maxLossPercent }: HoldsResponse, nowMs: number): string {
  if (holds.length === 0) return `nothing is held (at more than ${maxLossPercent} % of a service)`;
  return holds.map((hold) => formatHold(hold, nowMs)).join("\n\n");
}

function formatHold(hold: RegistryHold, nowMs: number): string {
  const { dismissed } = hold;
  const state = dismissed === undefined ? "asks" : `kept by ${dismissed.by}`;
  const head = `${hold.id}  ${hold.service}, ${state}, since ${formatAge(hold.sinceMs, nowMs)}`;
  const held = hold.held.map(({ workload, address }) => `  ${workload} at ${address}`);
  const how =
    dismissed === undefined
      ? [`  heddle holds confirm ${hold.id}   or   heddle holds dismiss ${hold.id}`]
      : [];
  return [head, `  ${hold.words}`, ...held, ...how].join("\n");
}
