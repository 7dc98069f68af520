import {
  ApplyResponse,
  Propagation,
  RestoreRequest,
  RevisionDetail,
  RevisionsResponse,
} from "@heddle/contracts";
import { formatRef, type ResourceRef } from "@heddle/resources";
import { findDocumentsAt, findRevision, findRevisions } from "@heddle/store";
import { z } from "zod";
import { NotFoundError } from "../revisions/change-errors.ts";
import type { PlannedDocument } from "../revisions/change-request.ts";
import { describeChange } from "../revisions/diff-documents.ts";
import { parseOne } from "../revisions/parse-one.ts";
import { toSummary } from "../revisions/to-summary.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { ApiRoutes } from "./api-routes.ts";
import { toApplyResponse } from "./apply-response.ts";
import { mayChange, readBody, readParams, readQuery, requireSomewhere } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { CHANGE_REFUSALS, DATABASE_AWAY } from "./refusals.ts";

const RevisionsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: z.coerce.number().int().min(1).optional(),
  service: z.string().optional(),
});
const RevisionPath = z.object({ revision: z.coerce.number().int().min(1).max(2_147_483_647) });

/** The history: every revision, and any of them restored as a new one. */
export function revisionRoutes({ db, config }: ApiParts) {
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
        const { limit, before, service } = readQuery(context, RevisionsQuery);
        const found = await findRevisions(db, { limit: limit + 1, before, service });
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
    .post(
      "/revisions/:revision/restore",
      {
        summary: "Restore every document as it stood right after a revision",
        role: "operator",
        params: RevisionPath,
        body: RestoreRequest,
        answer: ApplyResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        requireSomewhere(principal, "operator");
        const { revision } = readParams(context, RevisionPath);
        const request = await readBody(context, RestoreRequest);
        context.set("audit", { isQuestion: request.dryRun === true });
        const past = await findDocumentsAt(db, revision);
        if (!past) throw new NotFoundError(`there is no revision ${revision}`);
        const documents = past.map((document): PlannedDocument => {
          const after = parseOne(document.yaml);
          return { ref: after.resource, after, createdAtMs: document.createdAtMs };
        });
        const startedAt = context.get("startedAt");
        const outcome = await config.change({
          author: principal.name,
          authorize: mayChange(principal), // of the documents that the restore really changes
          source: request.source ?? "api",
          reason: request.reason,
          kind: "restore",
          restoredRevision: revision,
          summary: `Restored revision ${revision}`,
          dryRun: request.dryRun ?? false,
          startedAt,
          plan: (snapshot) => planRestore(snapshot, documents),
        });
        return context.json(await toApplyResponse(outcome, startedAt));
      },
    );
}

/** The past documents, and the end of every document that did not exist then. */
function planRestore(
  snapshot: ConfigSnapshot,
  documents: readonly PlannedDocument[],
): PlannedDocument[] {
  const kept = new Set(documents.map(({ ref }) => formatRef(ref)));
  const younger: ResourceRef[] = [...snapshot.documents.values()]
    .map(({ resource }) => resource)
    .filter((resource) => !kept.has(formatRef(resource)));
  return [...documents, ...younger.map((ref) => ({ ref, after: undefined }))];
}
