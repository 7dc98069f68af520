import {
  ApplyResponse,
  ReviewDetail,
  type ReviewSummary,
  ReviewsResponse,
} from "@heddle/contracts";
import type { Command } from "commander";
import { mergeWords } from "../print/merge-words.ts";
import { formatAge } from "../print/table.ts";
import { readDocuments } from "../read-documents.ts";
import { formatApplied } from "./apply.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";

/** `heddle review`: changes that wait for another person's eyes. */
export function addReviewCommands(program: Command): void {
  const review = program.command("review").description("changes that wait for a review");
  withOutput(review.command("list"))
    .description("list the reviews that are open")
    .option("--all", "also those that were applied or withdrawn")
    .action(async (options: OutputOptions & { readonly all?: boolean }) => {
      const query = options.all === true ? {} : { state: "open" };
      const answer = await (await openApi()).ask(ReviewsResponse, "/reviews", { query });
      print(options, answer, (told) => formatReviews(told, Date.now()));
    });
  withOutput(review.command("show"))
    .description("show what a review would change, and what people say to it")
    .argument("<id>", "as `heddle review list` lists it")
    .action(async (id: string, options: OutputOptions) => {
      print(options, await findReview(id), (told) => formatReview(told, Date.now()));
    });
  withOutput(review.command("ask"))
    .description("ask for a review of documents, without applying them")
    .requiredOption("-f, --file <file...>", "YAML file, folder, or - for stdin")
    .option("--note <text>", "what to look at")
    .action(
      async (options: OutputOptions & { readonly file: string[]; readonly note?: string }) => {
        const { file, note } = options;
        const yaml = await readDocuments(file);
        const body = { yaml, ...(note === undefined ? {} : { note }) };
        const told = await (await openApi()).ask(ReviewDetail, "/reviews", {
          method: "POST",
          body,
        });
        print(options, told, ({ id }) => `review ${id}\n  heddle review show ${id}`);
      },
    );
  addAct(review, "comment", "say something to a review", true);
  addAct(review, "approve", "approve a change somebody else asks for", false);
  withOutput(review.command("withdraw"))
    .description("end a review without applying it")
    .argument("<id>", "as `heddle review list` lists it")
    .action(async (id: string, options: OutputOptions) => {
      print(options, await act(id, "withdraw", {}), formatSummary);
    });
  withOutput(review.command("apply"))
    .description("apply what a review asks for, as one revision, and end it")
    .argument("<id>", "as `heddle review list` lists it")
    .option("--reason <text>", "why, kept in the history; without it the review's note")
    .option("--accept-endpoint-loss", "also if services in use lose most of their endpoints by it")
    .action(async (id: string, options: ReviewApplyOptions) => {
      print(options, await apply(id, options), formatApplied);
    });
}

type ReviewApplyOptions = OutputOptions & {
  readonly reason?: string;
  readonly acceptEndpointLoss?: boolean;
};

function addAct(
  review: Command,
  name: "comment" | "approve",
  description: string,
  isTextNeeded: boolean,
): void {
  withOutput(review.command(name))
    .description(description)
    .argument("<id>", "as `heddle review list` lists it")
    .argument(isTextNeeded ? "<text>" : "[text]", "what to say")
    .action(async (id: string, text: string | undefined, options: OutputOptions) => {
      const path = name === "comment" ? "comments" : "approve";
      print(options, await act(id, path, text === undefined ? {} : { text }), formatSummary);
    });
}

async function findReview(id: string): Promise<ReviewDetail> {
  return (await openApi()).ask(ReviewDetail, `/reviews/${encodeURIComponent(id)}`);
}

async function act(id: string, path: string, body: object): Promise<ReviewDetail> {
  return (await openApi()).ask(ReviewDetail, `/reviews/${encodeURIComponent(id)}/${path}`, {
    method: "POST",
    body,
  });
}

/** Locked at what the review was begun from: what others changed meanwhile is never overwritten. */
async function apply(id: string, options: ReviewApplyOptions): Promise<ApplyResponse> {
  const { yaml, note, documents } = await findReview(id);
  const reason = options.reason ?? note;
  return (await openApi()).ask(ApplyResponse, "/apply", {
    method: "POST",
    body: {
      ...{ yaml, review: id, source: "cli" },
      ...(reason === "" ? {} : { reason }),
      expected: documents.map(({ baseRevision, ...ref }) => ({ ...ref, revision: baseRevision })),
      ...(options.acceptEndpointLoss === true ? { acceptEndpointLoss: true } : {}),
    },
  });
}

export function formatReviews({ reviews }: ReviewsResponse, nowMs: number): string {
  if (reviews.length === 0) return "no review is open";
  return reviews
    .map((one) => `${formatSummary(one)}, ${formatAge(one.createdAtMs, nowMs)} old`)
    .join("\n");
}

function formatSummary({
  id,
  state,
  author,
  documents,
  approvedBy,
  comments,
  ended,
}: ReviewSummary): string {
  const names = documents.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`);
  const approved = approvedBy.length === 0 ? "" : `, approved by ${approvedBy.join(", ")}`;
  const said = comments === 0 ? "" : `, ${comments} ${comments === 1 ? "comment" : "comments"}`;
  const revision = ended?.revision === undefined ? "" : ` as revision ${ended.revision}`;
  return `${id}  ${names.join(", ")}, ${state}${revision}, asked by ${author}${approved}${said}`;
}

function formatReview(review: ReviewDetail, nowMs: number): string {
  const { note, changes, acts, merges } = review;
  const said = acts.map(({ kind, author, atMs, text }) => {
    const words = { comment: "says", approved: "approves", changed: "has changed it" }[kind];
    return `${author} ${words}, ${formatAge(atMs, nowMs)} ago${text === "" ? "" : `: ${text}`}`;
  });
  return [
    formatSummary(review),
    ...(note === "" ? [] : [note]),
    ...changes.flatMap(({ kind, namespace, name, diff }) => [
      `${kind} ${namespace}/${name}`,
      diff.trimEnd() || "as it stands",
    ]),
    ...said,
    ...(merges.length === 0 ? [] : [mergeWords(merges)]),
  ].join("\n");
}
