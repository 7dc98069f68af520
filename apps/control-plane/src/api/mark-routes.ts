import {
  CommentRequest,
  CommentsResponse,
  NameRequest,
  PinRequest,
  type ResourceKind,
  RevisionComment,
  RevisionMarks,
} from "@heddle/contracts";
import {
  addComment,
  deleteComment,
  findComments,
  findRevision,
  MAX_COMMENTS,
  saveName,
  savePin,
} from "@heddle/store";
import type { Context } from "hono";
import { z } from "zod";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import { toSummary } from "../revisions/to-summary.ts";
import { ApiRoutes } from "./api-routes.ts";
import { mayChange, readBody, readParams, requireRole } from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";
import { DATABASE_AWAY } from "./refusals.ts";
import { RevisionPath } from "./revision-routes.ts";

const MARK_REFUSALS = ["HEDDLE_NOT_FOUND", "HEDDLE_CHANGE_REFUSED", ...DATABASE_AWAY] as const;
const CommentPath = RevisionPath.extend({ id: z.uuid() });

/** What people put on a revision: a pin, a name, comments. The revision itself stays as it was made. */
export function markRoutes({ db, config, feed }: ApiParts) {
  /** Whoever may change the documents of a revision may mark it. */
  async function openRevision(context: Context<ApiEnv>): Promise<number> {
    const { revision } = readParams(context, RevisionPath);
    const found = await findRevision(db, revision);
    if (!found) throw new NotFoundError(`there is no revision ${revision}`);
    const refs = found.resources.map((one) => ({ ...one, kind: one.kind as ResourceKind }));
    mayChange(context.get("principal"))(refs, config.snapshot.rootNamespace);
    context.set("audit", { target: `revision ${revision}` });
    return revision;
  }
  const by = (context: Context<ApiEnv>) => {
    return { author: context.get("principal").name, atMs: Date.now() };
  };
  async function marksOf(revision: number): Promise<RevisionMarks> {
    const found = await findRevision(db, revision);
    return (found && toSummary(found).marks) ?? { isPinned: false, comments: 0 };
  }
  return new ApiRoutes()
    .put(
      "/revisions/:revision/pin",
      {
        summary: "Pin a revision, or unpin it",
        role: "operator",
        params: RevisionPath,
        body: PinRequest,
        answer: RevisionMarks,
        refusals: MARK_REFUSALS,
      },
      async (context) => {
        const revision = await openRevision(context);
        const { isPinned } = await readBody(context, PinRequest);
        await savePin(db, revision, { isPinned, ...by(context) });
        feed.noteEffects();
        return context.json(await marksOf(revision));
      },
    )
    .put(
      "/revisions/:revision/name",
      {
        summary: "Give a revision a name, or take it away",
        role: "operator",
        params: RevisionPath,
        body: NameRequest,
        answer: RevisionMarks,
        refusals: MARK_REFUSALS,
      },
      async (context) => {
        const revision = await openRevision(context);
        const { name } = await readBody(context, NameRequest);
        if (!(await saveName(db, revision, { name, ...by(context) }))) {
          throw new ChangeRefusedError(
            `another revision is called ${name}; take the name from it first, or choose another`,
          );
        }
        feed.noteEffects();
        return context.json(await marksOf(revision));
      },
    )
    .get(
      "/revisions/:revision/comments",
      {
        summary: "List the comments on a revision, oldest first",
        role: "viewer",
        params: RevisionPath,
        answer: CommentsResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const { revision } = readParams(context, RevisionPath);
        const answer: CommentsResponse = { comments: await findComments(db, revision) };
        return context.json(answer);
      },
    )
    .post(
      "/revisions/:revision/comments",
      {
        summary: "Comment on a revision",
        role: "operator",
        params: RevisionPath,
        body: CommentRequest,
        answer: RevisionComment,
        refusals: MARK_REFUSALS,
      },
      async (context) => {
        const revision = await openRevision(context);
        const { text } = await readBody(context, CommentRequest);
        const comment = await addComment(db, revision, { text, ...by(context) });
        if (!comment) {
          throw new ChangeRefusedError(
            `revision ${revision} has ${MAX_COMMENTS} comments; delete one first`,
          );
        }
        feed.noteEffects();
        return context.json(comment);
      },
    )
    .delete(
      "/revisions/:revision/comments/:id",
      {
        summary: "Delete a comment: one's own, or as admin anybody's",
        role: "operator",
        params: CommentPath,
        answer: CommentsResponse,
        refusals: MARK_REFUSALS,
      },
      async (context) => {
        const { revision, id } = readParams(context, CommentPath);
        await openRevision(context);
        const comments = await findComments(db, revision);
        const comment = comments.find((one) => one.id === id);
        if (!comment) throw new NotFoundError(`revision ${revision} has no comment ${id}`);
        const principal = context.get("principal");
        if (comment.author !== principal.name) requireRole(principal, "admin");
        await deleteComment(db, revision, id);
        feed.noteEffects();
        const answer: CommentsResponse = { comments: await findComments(db, revision) };
        return context.json(answer);
      },
    );
}
