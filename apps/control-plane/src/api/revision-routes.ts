import {
  EffectVerdict,
  Propagation,
  RevisionDetail,
  RevisionEffect,
  RevisionSummary,
  RevisionsResponse,
} from "@heddle/contracts";
import { findEffect, findRevision, findRevisions } from "@heddle/store";
import { z } from "zod";
import { NotFoundError } from "../revisions/change-errors.ts";
import { describeChange } from "../revisions/diff-documents.ts";
import { toSummary } from "../revisions/to-summary.ts";
import { ApiRoutes } from "./api-routes.ts";
import { readParams, readQuery } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { DATABASE_AWAY } from "./refusals.ts";

const RevisionsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: z.coerce.number().int().min(1).optional(),
  service: z.string().optional(),
  effect: EffectVerdict.optional(),
  pinned: z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .optional(),
  author: z.string().max(200).optional(),
  kind: RevisionSummary.shape.kind.optional(),
  name: z.string().max(200).optional(),
});
/** A revision's number in a path. */
export const RevisionPath = z.object({
  revision: z.coerce.number().int().min(1).max(2_147_483_647),
});

/** The history: every revision, what it changed and what followed. */
export function revisionRoutes({ db }: ApiParts) {
  return new ApiRoutes()
    .get(
      "/revisions",
      {
        summary: "List revisions, newest first",
        role: "viewer",
        query: RevisionsQuery,
        answer: RevisionsResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const { limit, pinned, ...wanted } = readQuery(context, RevisionsQuery);
        const found = await findRevisions(db, { ...wanted, isPinned: pinned, limit: limit + 1 });
        const page = found.slice(0, limit);
        const last = page.at(-1);
        const answer: RevisionsResponse = {
          revisions: page.map(toSummary),
          ...(found.length > limit && last ? { nextBefore: last.revision } : {}),
        };
        return context.json(answer);
      },
    )
    .get(
      "/revisions/:revision",
      {
        summary: "Show what a revision changed and how far it got",
        role: "viewer",
        params: RevisionPath,
        answer: RevisionDetail,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const { revision } = readParams(context, RevisionPath);
        const found = await findRevision(db, revision);
        if (!found) throw new NotFoundError(`there is no revision ${revision}`);
        const propagation = Propagation.safeParse(found.propagation);
        const answer: RevisionDetail = {
          ...toSummary(found),
          changes: found.changes.map(describeChange),
          ...(propagation.success ? { propagation: propagation.data } : {}),
        };
        return context.json(answer);
      },
    )
    .get(
      "/revisions/:revision/effect",
      {
        summary: "Show what followed a revision, and how it is judged",
        role: "viewer",
        params: RevisionPath,
        answer: RevisionEffect,
        refusals: ["HEDDLE_NOT_FOUND", ...DATABASE_AWAY],
      },
      async (context) => {
        const { revision } = readParams(context, RevisionPath);
        const effect = RevisionEffect.safeParse(await findEffect(db, revision)).data;
        if (!effect) {
          const why =
            "it is judged within seconds after it was made, and only while telemetry is kept";
          throw new NotFoundError(`nothing is known of the effect of revision ${revision}: ${why}`);
        }
        return context.json(effect);
      },
    );
}
