import { ApplyResponse } from "@heddle/contracts";
import type { Command } from "commander";
import { areManyFiles, readDocuments } from "../read-documents.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";

type ApplyOptions = OutputOptions & {
  readonly file: string[];
  readonly dryRun?: boolean;
  readonly reason?: string;
};

/** `heddle apply`: documents in, one revision or none. */
export function addApplyCommands(program: Command): void {
  withOutput(program.command("apply"))
    .description("apply documents as one revision: all of them or none")
    .requiredOption(
      "-f, --file <file...>",
      "YAML file, folder (with those below it), or - for stdin",
    )
    .option("--dry-run", "check and show what would change, change nothing")
    .option("--reason <text>", "why, kept in the history")
    .action(async (options: ApplyOptions) => {
      const answer = await apply(options, options.dryRun === true);
      print(options, answer, options.dryRun === true ? formatDiff : formatApplied);
    });
}

async function apply(options: ApplyOptions, dryRun: boolean): Promise<ApplyResponse> {
  const yaml = await readDocuments(options.file);
  const api = await openApi();
  return api.ask(ApplyResponse, "/apply", {
    method: "POST",
    body: {
      yaml,
      source: "cli",
      dryRun,
      // as if the files were applied one after another, though in one revision
      ...(areManyFiles(options.file) ? { twins: "last" } : {}),
      ...(options.reason === undefined ? {} : { reason: options.reason }),
    },
  });
}

export function formatApplied({ revision, changes, warnings, propagation }: ApplyResponse): string {
  const lines = warnings.map((warning) => `warning: ${warning}`);
  if (changes.length === 0) return [...lines, "nothing to change"].join("\n");
  lines.push(
    ...changes.map(({ kind, namespace, name, action }) => `${kind} ${namespace}/${name} ${action}`),
  );
  lines.push(`revision ${revision}${propagation ? `, ${formatPropagation(propagation)}` : ""}`);
  return lines.join("\n");
}

function formatPropagation({
  proxiesAcked,
  proxiesTotal,
  ackedAfterMs,
  nacks,
}: NonNullable<ApplyResponse["propagation"]>): string {
  const after = ackedAfterMs === undefined ? "" : ` after ${Math.round(ackedAfterMs)} ms`;
  const refusals = nacks.map(({ proxyId, reason }) => `\n${proxyId} refused it: ${reason}`);
  return `${proxiesAcked} of ${proxiesTotal} proxies run it${after}${refusals.join("")}`;
}

function formatDiff({ changes, warnings }: ApplyResponse): string {
  const lines = warnings.map((warning) => `warning: ${warning}`);
  if (changes.length === 0) return [...lines, "nothing would change"].join("\n");
  for (const { kind, namespace, name, action, diff } of changes) {
    lines.push(`${kind} ${namespace}/${name} would be ${action}`, diff.trimEnd());
  }
  return lines.join("\n");
}
