import { ApplyResponse, ConflictProblem, type DocumentMerge } from "@heddle/contracts";
import type { Command } from "commander";
import { formatFinding } from "../analyze/format-findings.ts";
import { ApiError, StaleDocumentsError } from "../errors.ts";
import { mergeWords } from "../print/merge-words.ts";
import { areManyFiles, joinFiles, readFiles } from "../read-documents.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";

type ApplyOptions = OutputOptions & {
  readonly file: string[];
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly merge?: boolean;
  readonly acceptEndpointLoss?: boolean;
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
    .option("--accept-endpoint-loss", "also if services in use lose most of their endpoints by it")
    .option(
      "--merge",
      "join with what others changed meanwhile, where both do not touch the same places",
    )
    .action(async (options: ApplyOptions) => {
      const answer = await apply(options, options.dryRun === true);
      print(options, answer, options.dryRun === true ? formatDiff : formatApplied);
    });
}

async function apply(options: ApplyOptions, dryRun: boolean): Promise<ApplyResponse> {
  const { yaml, files } = joinFiles(await readFiles(options.file));
  const api = await openApi();
  const send = (more: object) =>
    api.ask(ApplyResponse, "/apply", {
      method: "POST",
      body: {
        yaml,
        files,
        source: "cli",
        dryRun,
        // as if the files were applied one after another, though in one revision
        ...(areManyFiles(options.file) ? { twins: "last" } : {}),
        ...(options.reason === undefined ? {} : { reason: options.reason }),
        ...(options.acceptEndpointLoss === true ? { acceptEndpointLoss: true } : {}),
        ...more,
      },
    });
  try {
    return await send({});
  } catch (error) {
    const merges = mergesOf(error);
    if (merges.length === 0) throw error;
    if (options.merge && merges.every(({ merged }) => merged !== undefined)) {
      return send(joined(yaml, merges));
    }
    throw new StaleDocumentsError(mergeWords(merges), { cause: error });
  }
}

/** The texts as they came with the joined documents after them, each locked at where it stands now. */
function joined(yaml: string, merges: readonly DocumentMerge[]): object {
  const texts = merges.map(({ merged = "" }) => merged);
  const expected = merges.map(({ kind, namespace, name, theirsRevision }) => {
    return { kind, namespace, name, revision: theirsRevision };
  });
  return {
    yaml: [yaml, ...texts].map((one) => one.trimEnd()).join("\n---\n"),
    twins: "last",
    expected,
  };
}

function mergesOf(error: unknown): readonly DocumentMerge[] {
  const problem = error instanceof ApiError ? error.problem : undefined;
  return ConflictProblem.safeParse(problem).data?.merges ?? [];
}

export function formatApplied(answer: ApplyResponse): string {
  const { revision, changes, propagation } = answer;
  const lines = formatNotes(answer);
  if (changes.length === 0) return [...lines, "nothing to change"].join("\n");
  lines.push(
    ...changes.map(({ kind, namespace, name, action }) => `${kind} ${namespace}/${name} ${action}`),
  );
  lines.push(`revision ${revision}${propagation ? `, ${formatPropagation(propagation)}` : ""}`);
  return lines.join("\n");
}

/** Warnings, and findings that are worse than a note; `heddle analyze` shows those too. */
function formatNotes({ warnings, findings = [] }: ApplyResponse): string[] {
  return [
    ...warnings.map((warning) => `warning: ${warning}`),
    ...findings.filter(({ severity }) => severity !== "info").map(formatFinding),
  ];
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

export function formatDiff(answer: ApplyResponse): string {
  const { changes } = answer;
  const lines = formatNotes(answer);
  if (changes.length === 0) return [...lines, "nothing would change"].join("\n");
  for (const { kind, namespace, name, action, diff } of changes) {
    lines.push(`${kind} ${namespace}/${name} would be ${action}`, diff.trimEnd());
  }
  return lines.join("\n");
}
