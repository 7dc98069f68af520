import {
  CommentsResponse,
  EffectVerdict,
  RestoreResponse,
  RevisionComment,
  RevisionDetail,
  RevisionMarks,
  type RevisionSummary,
  RevisionsResponse,
} from "@heddle/contracts";
import { HeddleError } from "@heddle/runtime";
import { type Command, Option } from "commander";
import type { ApiClient } from "../api/api-client.ts";
import { UsageError } from "../errors.ts";
import { parseMoment } from "../parse-moment.ts";
import { effectWords } from "../print/effect-words.ts";
import { formatAge, formatTable } from "../print/table.ts";
import { formatApplied, formatDiff } from "./apply.ts";
import {
  type OutputOptions,
  openApi,
  parseTarget,
  print,
  wholeNumber,
  withOutput,
} from "./command-kit.ts";

const MAX_REVISION = 2_147_483_647;

/** `heddle history` and `heddle rollback`. */
export function addHistoryCommands(program: Command): void {
  const history = withOutput(program.command("history"))
    .description("list revisions, newest first, or show what one changed and what followed")
    .argument("[revision]", "a revision's number or name")
    .option("--limit <n>", "how many", wholeNumber(1, 200), 20)
    .option("--service <[namespace/]name>", "only those that shape this service's traffic")
    .addOption(
      new Option("--effect <verdict>", "only those that were judged so").choices(
        EffectVerdict.options,
      ),
    )
    .option("--pinned", "only pinned ones")
    .action(async (revision: string | undefined, options: HistoryOptions) => {
      if (revision !== undefined) return showRevision(revision, options);
      const { limit, service, effect } = options;
      const target = service === undefined ? undefined : parseTarget(service, "default");
      const query = {
        limit,
        service: target && `${target.namespace}/${target.name}`,
        effect,
        pinned: options.pinned === true ? "true" : undefined,
      };
      const answer = await (await openApi()).ask(RevisionsResponse, "/revisions", { query });
      return print(options, answer, formatRevisions);
    });
  addMarkCommands(history);
  addRollbackCommand(program);
}

type HistoryOptions = OutputOptions & {
  readonly limit: number;
  readonly service?: string;
  readonly effect?: string;
  readonly pinned?: boolean;
};

/** `heddle history pin`, `unpin`, `name` and `note`. */
function addMarkCommands(history: Command): void {
  for (const isPinned of [true, false]) {
    withOutput(history.command(isPinned ? "pin" : "unpin"))
      .description(isPinned ? "keep a revision in sight" : "take the pin from a revision")
      .argument("<revision>", "a revision's number or name")
      .action(async (which: string, options: OutputOptions) => {
        const api = await openApi();
        const revision = await findRevision(api, which);
        const path = `/revisions/${revision}/pin`;
        const marks = await api.ask(RevisionMarks, path, { method: "PUT", body: { isPinned } });
        print(
          options,
          marks,
          () => `revision ${revision} is ${isPinned ? "" : "no longer "}pinned`,
        );
      });
  }
  withOutput(history.command("name"))
    .description("give a revision a name that rollback takes; without one, take it away")
    .argument("<revision>", "a revision's number or name")
    .argument("[name]", "a letter, then letters, digits, dots, underscores, hyphens")
    .action(async (which: string, name: string | undefined, options: OutputOptions) => {
      const api = await openApi();
      const revision = await findRevision(api, which);
      const body = { name: name ?? null };
      const path = `/revisions/${revision}/name`;
      const marks = await api.ask(RevisionMarks, path, { method: "PUT", body });
      print(options, marks, () =>
        name === undefined ? `revision ${revision} has no name` : `revision ${revision} is ${name}`,
      );
    });
  withOutput(history.command("note"))
    .description("comment on a revision; without a text, list its comments")
    .argument("<revision>", "a revision's number or name")
    .argument("[text]", "what to say of it")
    .action(async (which: string, text: string | undefined, options: OutputOptions) => {
      const api = await openApi();
      const revision = await findRevision(api, which);
      const path = `/revisions/${revision}/comments`;
      if (text === undefined) {
        return print(options, await api.ask(CommentsResponse, path), formatComments);
      }
      const comment = await api.ask(RevisionComment, path, { method: "POST", body: { text } });
      return print(options, comment, () => `noted on revision ${revision}`);
    });
}

type RollbackOptions = OutputOptions & {
  readonly acceptEndpointLoss?: boolean;
  readonly at?: string;
  readonly documents?: boolean;
  readonly undo?: boolean;
  readonly dryRun?: boolean;
  readonly reason?: string;
};

function addRollbackCommand(program: Command): void {
  withOutput(program.command("rollback"))
    .description(
      "bring all documents back to how they stood right after a revision, or at a moment; --documents and --undo: only those of one revision",
    )
    .argument("[revision]", "a revision's number or name")
    .option("--at <moment>", "the whole mesh as of 14:20, 2026-11-20T14:20Z or -10m")
    .option("--documents", "only the documents that revision changed, as right after it")
    .option("--undo", "take back that revision alone: its documents as right before it")
    .option("--dry-run", "show what would change and whose later changes it undoes, change nothing")
    .option("--reason <text>", "why, kept in the history")
    .option("--accept-endpoint-loss", "also if services in use lose most of their endpoints by it")
    .action(async (which: string | undefined, options: RollbackOptions) => {
      const api = await openApi();
      const { path, body } = await wayBack(api, which, options);
      const answer = await api.ask(RestoreResponse, path, {
        method: "POST",
        body: {
          ...body,
          source: "cli",
          dryRun: options.dryRun === true,
          ...(options.acceptEndpointLoss === true ? { acceptEndpointLoss: true } : {}),
          ...(options.reason === undefined ? {} : { reason: options.reason }),
        },
      });
      print(options, answer, (told) => formatRestored(told, options.dryRun === true));
    });
}

async function wayBack(
  api: ApiClient,
  which: string | undefined,
  { at, documents, undo }: RollbackOptions,
): Promise<{ readonly path: string; readonly body: object }> {
  if (documents && undo) throw new UsageError("--documents or --undo, not both");
  if (which !== undefined && at !== undefined) {
    throw new UsageError("a revision, or a moment with --at, not both");
  }
  if (at !== undefined) {
    if (documents || undo) {
      throw new UsageError("--at is for the whole mesh; --documents and --undo need a revision");
    }
    return { path: "/restore", body: { atMs: Math.floor(parseMoment(at, Date.now())) } };
  }
  if (which === undefined) {
    throw new UsageError("name a revision (`heddle history` lists them), or a moment: --at 14:20");
  }
  const path = `/revisions/${await findRevision(api, which)}/restore`;
  if (undo) return { path, body: { scope: "documents", side: "before" } };
  return { path, body: documents ? { scope: "documents" } : {} };
}

function formatRestored(answer: RestoreResponse, isPreview: boolean): string {
  const undone = answer.undoes.map(
    ({ revision, author, summary }) =>
      `${isPreview ? "would undo" : "undid"} ${revision} by ${author}: ${summary}`,
  );
  return [...undone, isPreview ? formatDiff(answer) : formatApplied(answer)].join("\n");
}

/** The number of a revision given by number or name. */
async function findRevision(api: ApiClient, which: string): Promise<number> {
  if (/^\d+$/.test(which)) {
    const revision = Number(which);
    if (revision >= 1 && revision <= MAX_REVISION) return revision;
    throw new UsageError(
      `revision ${which}: expected a number from 1 to ${MAX_REVISION}, or a name`,
    );
  }
  const query = { name: which, limit: 1 };
  const { revisions } = await api.ask(RevisionsResponse, "/revisions", { query });
  const [found] = revisions;
  if (found) return found.revision;
  throw new HeddleError(
    "HEDDLE_NOT_FOUND",
    `no revision is called ${which}; \`heddle history\` lists them`,
  );
}

async function showRevision(which: string, options: OutputOptions): Promise<void> {
  const api = await openApi();
  const revision = await findRevision(api, which);
  const detail = await api.ask(RevisionDetail, `/revisions/${revision}`);
  const hasComments = (detail.marks?.comments ?? 0) > 0;
  const comments = hasComments
    ? await api.ask(CommentsResponse, `/revisions/${revision}/comments`)
    : undefined;
  print(options, detail, ({ summary, author, createdAtMs, reason, effect, changes, marks }) =>
    [
      `revision ${revision}: ${summary}`,
      `${author}, ${new Date(createdAtMs).toISOString()}${reason ? `, "${reason}"` : ""}`,
      ...(marks?.name === undefined ? [] : [`called ${marks.name}`]),
      ...(marks?.isPinned ? ["pinned"] : []),
      ...(effect === undefined ? [] : [effectLine(effect)]),
      ...(comments === undefined ? [] : [formatComments(comments)]),
      ...changes.map(
        ({ kind, namespace, name, action, diff }) =>
          `\n${kind} ${namespace}/${name} ${action}\n${diff.trimEnd()}`,
      ),
    ].join("\n"),
  );
}

function effectLine(effect: NonNullable<RevisionSummary["effect"]>): string {
  const of = effect.because === undefined ? "" : ` (${effect.because.service})`;
  return `effect ${effectWords(effect)}${of}; ${effect.requestsBefore} requests before, ${effect.requestsAfter} after`;
}

function formatComments({ comments }: CommentsResponse): string {
  if (comments.length === 0) return "no comments";
  return comments
    .map(({ author, createdAtMs, text }) => {
      return `${author}, ${new Date(createdAtMs).toISOString()}: ${text}`;
    })
    .join("\n");
}

function formatRevisions({ revisions }: RevisionsResponse): string {
  const nowMs = Date.now();
  return formatTable(
    ["REVISION", "AGO", "WHO", "FROM", "EFFECT", "WHAT"],
    revisions.map((one) => [
      String(one.revision),
      formatAge(one.createdAtMs, nowMs),
      one.author,
      one.source,
      effectWords(one.effect),
      whatWords(one),
    ]),
  );
}

function whatWords({ summary, reason, marks }: RevisionSummary): string {
  const name = marks?.name === undefined ? "" : ` [${marks.name}]`;
  const pinned = marks?.isPinned ? " (pinned)" : "";
  return `${reason === undefined ? summary : `${summary} (${reason})`}${name}${pinned}`;
}
