import { CanariedPush, PushesResponse } from "@heddle/contracts";
import type { Command } from "commander";
import { NoPushRunsError } from "../errors.ts";
import { formatAge, formatTable } from "../print/table.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";

/** `heddle pushes`: risky changes that reach some proxies first, and the two ways to end one. */
export function addPushesCommands(program: Command): void {
  const pushes = program
    .command("pushes")
    .description("canaried pushes: risky changes on their way to the proxies");
  withOutput(pushes.command("list", { isDefault: true }))
    .description("list them, the one that runs first")
    .action(async (options: OutputOptions) => {
      const api = await openApi();
      print(options, await api.ask(PushesResponse, "/pushes"), formatPushes);
    });
  for (const [act, description] of [
    ["finish", "push to all proxies now"],
    ["stop", "take the change back from the first proxies"],
  ] as const) {
    withOutput(pushes.command(act))
      .argument("[id]", "which; default: the one that runs")
      .option("--reason <text>", "why, kept in the history")
      .description(description)
      .action(async (id: string | undefined, options: OutputOptions & { reason?: string }) => {
        const api = await openApi();
        const wanted = id ?? runningOf(await api.ask(PushesResponse, "/pushes"));
        const path = `/pushes/${encodeURIComponent(wanted)}/${act}`;
        const { reason } = options;
        const body = reason === undefined ? {} : { reason };
        const push = await api.ask(CanariedPush, path, { method: "POST", body });
        print(options, push, ({ words }) => words);
      });
  }
}

function runningOf({ pushes }: PushesResponse): string {
  const running = pushes.find(({ status }) => status === "running");
  if (running) return running.id;
  throw new NoPushRunsError();
}

export function formatPushes({ pushes }: PushesResponse, nowMs = Date.now()): string {
  if (pushes.length === 0) return "no canaried pushes";
  return formatTable(
    ["PUSH", "STATUS", "REVISION", "BEGUN", "FIRST", "OF", "HOW IT STANDS"],
    pushes.map((one) => [
      one.id,
      one.status,
      one.revisions.join(", "),
      `${formatAge(one.startedAtMs, nowMs)} ago`,
      String(one.first.length),
      String(one.proxiesConcerned),
      one.words === "" ? one.why : one.words,
    ]),
  );
}
