import { createInterface } from "node:readline/promises";
import {
  type ApplyRequest,
  ApplyResponse,
  ConflictProblem,
  type DocumentMerge,
  PushMode,
} from "@heddle/contracts";
import { type Command, Option } from "commander";
import { formatFinding } from "../analyze/format-findings.ts";
import { askPreview } from "../api/ask-preview.ts";
import { ApiError, StaleDocumentsError, UsageError } from "../errors.ts";
import { mergeWords } from "../print/merge-words.ts";
import { formatPreview } from "../print/preview-words.ts";
import { type DocumentsToSend, readToSend } from "../read-documents.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";

type ApplyOptions = OutputOptions & {
  readonly file: string[];
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly merge?: boolean;
  readonly acceptEndpointLoss?: boolean;
  readonly preview?: boolean;
  readonly yes?: boolean;
  readonly push?: PushMode;
};

/** How far back a preview before an apply looks at traffic. */
const WINDOW_MS = 300_000;
/** As of `heddle diff`: the documents could not be applied, or nobody could be asked. */
const FAULTY = 2;
const NOT_APPLIED = 1;

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
    .addOption(
      new Option(
        "--push <mode>",
        "all: to every proxy at once; canaried: a risky change to some first (default: HEDDLE_PUSH)",
      ).choices(PushMode.options),
    )
    .option(
      "--merge",
      "join with what others changed meanwhile, where both do not touch the same places",
    )
    .option("--preview", "show what it would do as heddle diff does, and ask before applying it")
    .option("-y, --yes", "apply without asking; what is faulty is not applied")
    .addHelpText(
      "after",
      "\nExit code with --preview: 0 applied or nothing to change, 1 not applied since not agreed to, 2 the documents could not be applied.",
    )
    .action(async (options: ApplyOptions) => {
      if (options.preview === true) return applyAfterPreview(options);
      if (options.yes === true) throw new UsageError("--yes answers --preview; give both");
      const documents = await readToSend(options.file);
      const answer = await apply(documents, options);
      print(options, answer, options.dryRun === true ? formatDiff : formatApplied);
    });
}

/** What is applied is what was shown: a document that has moved on meanwhile refuses it. */
async function applyAfterPreview(options: ApplyOptions): Promise<void> {
  if (options.dryRun === true) {
    throw new UsageError("--dry-run with --preview: heddle diff shows all of that");
  }
  const documents = await readToSend(options.file);
  const preview = await askPreview(await openApi(), documents, WINDOW_MS);
  const isJson = options.output === "json";
  if (!isJson) process.stdout.write(`${formatPreview(preview)}\n`);
  const isFaulty = preview.notes.some(({ level }) => level === "fault");
  const isAgreed = !isFaulty && preview.changes.length > 0 && (await agree(options));
  const applied = isAgreed
    ? await apply(documents, options, { expected: preview.standing })
    : undefined;
  if (isFaulty) process.exitCode = FAULTY;
  else if (preview.changes.length > 0 && !isAgreed) process.exitCode = NOT_APPLIED;
  if (isJson) print(options, { preview, ...(applied ? { applied } : {}) }, () => "");
  else if (applied) process.stdout.write(`\n${formatApplied(applied)}\n`);
  else if (process.exitCode === NOT_APPLIED) process.stdout.write("nothing was applied\n");
}

async function agree({ yes, file }: ApplyOptions): Promise<boolean> {
  if (yes === true) return true;
  if (file.includes("-") || !process.stdin.isTTY) {
    throw new UsageError("there is no terminal to ask at: --yes applies without asking");
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question("Apply this? [y/N] ")).trim());
  } finally {
    lines.close();
  }
}

async function apply(
  documents: DocumentsToSend,
  options: ApplyOptions,
  lock: Pick<ApplyRequest, "expected"> = {},
): Promise<ApplyResponse> {
  const { yaml } = documents;
  const api = await openApi();
  const send = (more: object) =>
    api.ask(ApplyResponse, "/apply", {
      method: "POST",
      body: {
        ...documents,
        ...lock,
        source: "cli",
        dryRun: options.dryRun === true,
        ...(options.reason === undefined ? {} : { reason: options.reason }),
        ...(options.push === undefined ? {} : { push: options.push }),
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
  const { revision, changes, propagation, push } = answer;
  const lines = formatNotes(answer);
  if (changes.length === 0) return [...lines, "nothing to change"].join("\n");
  lines.push(
    ...changes.map(({ kind, namespace, name, action }) => `${kind} ${namespace}/${name} ${action}`),
  );
  lines.push(`revision ${revision}${propagation ? `, ${formatPropagation(propagation)}` : ""}`);
  if (push) {
    lines.push(
      `a canaried push: ${push.heldBack} more get it when ${push.first} stay well (heddle pushes)`,
    );
  }
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
