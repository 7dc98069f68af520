import {
  ReviewApprovalRequest,
  ReviewCommentRequest,
  ReviewDetail,
  ReviewRequest,
  ReviewState,
  ReviewsResponse,
} from "@heddle/contracts";
import {
  addReviewAct,
  changeReview,
  createReview,
  endReview,
  findReview,
  findReviews,
  MAX_OPEN_REVIEWS,
  MAX_REVIEW_ACTS,
  type StoredReview,
} from "@heddle/store";
import type { Context } from "hono";
import { z } from "zod";
import { endedAlready } from "../reviews/applied-review.ts";
import { describeReview, summarizeReview } from "../reviews/describe-review.ts";
import { takeDraft } from "../reviews/take-draft.ts";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import { ApiRoutes } from "./api-routes.ts";
import { mayChange, readBody, readParams, readQuery, requireSomewhere } from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";
import { CHANGE_REFUSALS, DATABASE_AWAY } from "./refusals.ts";

const ReviewPath = z.object({ id: z.string().regex(/^[\w-]{1,64}$/) });
const ReviewsQuery = z.object({ state: ReviewState.optional() });
const REFUSALS = ["HEDDLE_NOT_FOUND", "HEDDLE_CHANGE_REFUSED", ...DATABASE_AWAY] as const;
const DRAFT_REFUSALS = CHANGE_REFUSALS.filter((code) => code !== "HEDDLE_ENDPOINT_LOSS");

/** Changes that wait for another person's eyes. They take effect by `POST /apply` alone. */
export function reviewRoutes({ db, config, feed }: ApiParts) {
  const by = (context: Context<ApiEnv>) => {
    return { author: context.get("principal").name, atMs: Date.now() };
  };
  async function openReview(context: Context<ApiEnv>): Promise<StoredReview> {
    const review = await known(readParams(context, ReviewPath).id);
    context.set("audit", { target: targetOf(review) });
    if (review.state !== "open") throw endedAlready(review);
    return review;
  }
  async function known(id: string): Promise<StoredReview> {
    const review = await findReview(db, id);
    if (!review) throw new NotFoundError(`there is no review ${id}`);
    return review;
  }
  /** Whoever asked for it, and whoever may change what it is about. */
  function requirePart(context: Context<ApiEnv>, review: StoredReview): void {
    const principal = context.get("principal");
    if (review.author !== principal.name) requireAll(context, review);
  }
  function requireAll(context: Context<ApiEnv>, review: StoredReview): void {
    const refs = summarizeReview(review).documents;
    mayChange(context.get("principal"))(refs, config.snapshot.rootNamespace);
  }
  async function act(
    context: Context<ApiEnv>,
    review: StoredReview,
    kind: "comment" | "approved" | "changed",
    text: string,
  ): Promise<void> {
    if (await addReviewAct(db, review.id, { kind, text, ...by(context) })) return;
    const now = await known(review.id);
    if (now.state !== "open") throw endedAlready(now);
    throw new ChangeRefusedError(
      `the review has ${MAX_REVIEW_ACTS} comments and approvals; apply it, or withdraw it and ask anew`,
    );
  }
  async function answer(context: Context<ApiEnv>, id: string) {
    feed.tell({ type: "reviews" });
    const told: ReviewDetail = await describeReview(db, config.snapshot, await known(id));
    return context.json(told);
  }
  return new ApiRoutes()
    .get(
      "/reviews",
      {
        summary: "List changes that wait for a review, or waited",
        role: "viewer",
        query: ReviewsQuery,
        answer: ReviewsResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const { state } = readQuery(context, ReviewsQuery);
        const reviews = await findReviews(db, state);
        const told: ReviewsResponse = { reviews: reviews.map(summarizeReview) };
        return context.json(told);
      },
    )
    .get(
      "/reviews/:id",
      {
        summary: "Show a review: its documents, what it would change, and what people say to it",
        role: "viewer",
        params: ReviewPath,
        answer: ReviewDetail,
        refusals: ["HEDDLE_NOT_FOUND", ...DATABASE_AWAY],
      },
      async (context) => {
        const review = await known(readParams(context, ReviewPath).id);
        const told: ReviewDetail = await describeReview(db, config.snapshot, review);
        return context.json(told);
      },
    )
    .post(
      "/reviews",
      {
        summary: "Ask for a review of a change",
        role: "operator",
        body: ReviewRequest,
        answer: ReviewDetail,
        refusals: DRAFT_REFUSALS,
      },
      async (context) => {
        requireSomewhere(context.get("principal"), "operator");
        const { note = "", ...request } = await readBody(context, ReviewRequest);
        const draft = await takeDraft(db, config.snapshot, request);
        const review = await createReview(db, { ...draft, note, ...by(context) });
        if (!review) {
          throw new ChangeRefusedError(
            `${MAX_OPEN_REVIEWS} reviews are open; apply or withdraw some first`,
          );
        }
        context.set("audit", { target: targetOf(review) });
        return answer(context, review.id);
      },
    )
    .put(
      "/reviews/:id",
      {
        summary: "Change what is to be reviewed; approvals before that hold no longer",
        role: "operator",
        params: ReviewPath,
        body: ReviewRequest,
        answer: ReviewDetail,
        refusals: DRAFT_REFUSALS,
      },
      async (context) => {
        const review = await openReview(context);
        requirePart(context, review);
        const { note = "", ...request } = await readBody(context, ReviewRequest);
        const draft = await takeDraft(db, config.snapshot, request);
        // First the act: should the second write fail, an approval is asked for once too often, never too seldom.
        await act(context, review, "changed", note);
        if (!(await changeReview(db, review.id, draft))) throw endedAlready(await known(review.id));
        return answer(context, review.id);
      },
    )
    .post(
      "/reviews/:id/comments",
      {
        summary: "Comment on a review",
        role: "operator",
        params: ReviewPath,
        body: ReviewCommentRequest,
        answer: ReviewDetail,
        refusals: REFUSALS,
      },
      async (context) => {
        const review = await openReview(context);
        requireSomewhere(context.get("principal"), "operator");
        await act(context, review, "comment", (await readBody(context, ReviewCommentRequest)).text);
        return answer(context, review.id);
      },
    )
    .post(
      "/reviews/:id/approve",
      {
        summary: "Approve a change one has not asked for oneself",
        role: "operator",
        params: ReviewPath,
        body: ReviewApprovalRequest,
        answer: ReviewDetail,
        refusals: REFUSALS,
      },
      async (context) => {
        const review = await openReview(context);
        requireAll(context, review);
        const { author } = by(context);
        if (author === review.author) {
          throw new ChangeRefusedError(
            `${author} asked for this review; another person approves it`,
          );
        }
        const { approvedBy } = summarizeReview(review);
        const { text = "", seenChanges } = await readBody(context, ReviewApprovalRequest);
        const changes = review.acts.filter(({ kind }) => kind === "changed").length;
        if (seenChanges !== undefined && seenChanges !== changes) {
          throw new ChangeRefusedError(
            "the review was changed since you read it; look at it again",
          );
        }
        if (!approvedBy.includes(author)) await act(context, review, "approved", text);
        return answer(context, review.id);
      },
    )
    .post(
      "/reviews/:id/withdraw",
      {
        summary: "End a review without applying it",
        role: "operator",
        params: ReviewPath,
        answer: ReviewDetail,
        refusals: REFUSALS,
      },
      async (context) => {
        const review = await openReview(context);
        requirePart(context, review);
        await endReview(db, review.id, { state: "withdrawn", ...by(context) });
        return answer(context, review.id);
      },
    );
}

function targetOf({ documents }: StoredReview): string {
  return documents.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`).join(", ");
}
