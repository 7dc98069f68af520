import {
  ApplyRequest,
  ApplyResponse,
  MergeRequest,
  MergeResponse,
  RequestSource,
  type ResourceDocument,
  ResourceKind,
  ResourcesResponse,
} from "@heddle/contracts";
import {
  formatRef,
  parseResources,
  parsingCost,
  type Resource,
  type ResourceRef,
} from "@heddle/resources";
import { z } from "zod";
import { filesOfText } from "../analysis/files-of-text.ts";
import { findMerges } from "../history/find-merges.ts";
import { takeRevisions } from "../history/take-revisions.ts";
import type { KeySets } from "../jwks/key-sets.ts";
import { keySourceOf } from "../jwks/key-source.ts";
import { noteApplied, requireOpenReview } from "../reviews/applied-review.ts";
import {
  ChangeRefusedError,
  ConfigFaultsError,
  NotFoundError,
  RevisionConflictError,
} from "../revisions/change-errors.ts";
import { coded, textsOf, withoutFound } from "../revisions/coded-warning.ts";
import type { MeshDocument } from "../snapshot/config-snapshot.ts";
import type { DocumentOrigin } from "../snapshot/mesh-document.ts";
import type { Study } from "../study/study.ts";
import { toFindingsWire } from "./analysis-routes.ts";
import { ApiRoutes } from "./api-routes.ts";
import { toApplyResponse } from "./apply-response.ts";
import { mayChange, readBody, readParams, readQuery, requireSomewhere } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { CHANGE_REFUSALS, DATABASE_AWAY, STUDY_REFUSALS } from "./refusals.ts";

const ResourceQuery = z.object({
  kind: ResourceKind.optional(),
  namespace: z.string().optional(),
  name: z.string().optional(),
});
const ResourcePath = z.object({ kind: ResourceKind, namespace: z.string(), name: z.string() });
/** Some 20 ms. */
const MAX_MARKS_READ_HERE = 500;
const DeleteQuery = z.object({
  reason: z.string().max(2000).optional(),
  source: RequestSource.optional(),
  acceptEndpointLoss: z.enum(["true", "false"]).optional(),
});

/** The documents as they stand, and changes to them. */
export function resourceRoutes({ study, config, db, feed, keySets, logger }: ApiParts) {
  return new ApiRoutes()
    .get(
      "/resources",
      {
        summary: "List the documents in force",
        role: "viewer",
        query: ResourceQuery,
        answer: ResourcesResponse,
      },
      (context) => {
        const wanted = readQuery(context, ResourceQuery);
        const resources = [...config.snapshot.all]
          .filter(
            ({ resource }) =>
              (wanted.kind ?? resource.kind) === resource.kind &&
              (wanted.namespace ?? resource.namespace) === resource.namespace &&
              (wanted.name ?? resource.name) === resource.name,
          )
          .map(toDocument)
          .sort((a, b) => (formatRef(a) < formatRef(b) ? -1 : 1));
        const answer: ResourcesResponse = { resources };
        return context.json(answer);
      },
    )
    .post(
      "/apply",
      {
        summary: "Apply documents in one revision, or none of them",
        description:
          "`dryRun` says what would change. `expected`, or the annotation heddle.dev/revision, refuses the change if a document has moved on: the answer then has `merges`.",
        role: "operator",
        body: ApplyRequest,
        answer: ApplyResponse,
        refusals: [...CHANGE_REFUSALS, ...STUDY_REFUSALS],
      },
      async (context) => {
        const principal = context.get("principal");
        requireSomewhere(principal, "operator");
        const request = await readBody(context, ApplyRequest);
        const parsed = await parseAside(request, study);
        if (!parsed.ok) throw new ConfigFaultsError(parsed.faults);
        const { resources, expected } = takeRevisions(parsed.resources, request.expected ?? []);
        const applied = new Set(resources.map(({ resource }) => formatRef(resource)));
        const deletes = (request.deletes ?? []).filter((ref) => !applied.has(formatRef(ref)));
        const refs = [...resources.map(({ resource }) => resource), ...deletes];
        const target = refs.map(formatRef).join(", ");
        context.set("audit", { target, isQuestion: request.dryRun === true });
        const authorize = mayChange(principal);
        authorize(refs, config.snapshot.rootNamespace); // also of those that stay as they are
        const review = request.dryRun ? undefined : request.review;
        if (review !== undefined) await requireOpenReview(db, review, refs);
        const keyWarnings = request.dryRun ? [] : await fetchKeysOf(resources, keySets);
        const startedAt = context.get("startedAt");
        const change = config.change({
          author: principal.name,
          authorize,
          source: request.source ?? "api",
          reason: request.reason,
          kind: request.source === "git" ? "import" : "apply",
          dryRun: request.dryRun ?? false,
          expected,
          acceptsEndpointLoss: request.acceptEndpointLoss ?? false,
          push: request.push,
          startedAt,
          plan: () => [
            ...resources.map((after) => ({ ref: after.resource, after })),
            ...deletes.map((ref) => ({ ref, after: undefined })),
          ],
        });
        const outcome = await change.catch(async (error: unknown) => {
          if (!(error instanceof RevisionConflictError)) throw error;
          const merges = await findMerges(db, config.snapshot, resources, expected);
          throw new RevisionConflictError(error.stale, merges);
        });
        const warnings = [...coded([], [...parsed.warnings, ...keyWarnings]), ...outcome.warnings];
        const answer = await toApplyResponse({ ...outcome, warnings }, startedAt);
        if (review !== undefined) {
          const by = { author: principal.name, revision: outcome.revision };
          answer.warnings.push(...(await noteApplied(db, review, by)));
          feed.tell({ type: "reviews" });
        }
        // Looked for when the change is with the proxies: on its way there nothing waits for it.
        const files = filesOfText(request.yaml, request.files);
        const question = { files, namespace: undefined, nowMs: Date.now() };
        const found = await study.ask("analyze-files", question).catch((error: unknown) => {
          logger.warn({ err: error }, "an applied change was not analyzed");
        });
        if (found === undefined) return context.json(answer);
        const left = new Set(textsOf(withoutFound(warnings, found.findings)));
        const isSaid = new Set(textsOf(warnings)).difference(left);
        return context.json({
          ...answer,
          warnings: answer.warnings.filter((text) => !isSaid.has(text)),
          findings: toFindingsWire(found.findings),
        });
      },
    )
    .post(
      "/merge",
      {
        summary: "Show how documents that have moved on since they were read could be joined",
        role: "operator",
        body: MergeRequest,
        answer: MergeResponse,
        refusals: ["HEDDLE_BAD_DOCUMENT", ...DATABASE_AWAY],
      },
      async (context) => {
        requireSomewhere(context.get("principal"), "operator");
        context.set("audit", { isQuestion: true });
        const request = await readBody(context, MergeRequest);
        const parsed = parseResources(request.yaml);
        if (!parsed.ok) throw new ConfigFaultsError(parsed.faults);
        const { resources, expected } = takeRevisions(parsed.resources, request.expected ?? []);
        const merges = await findMerges(db, config.snapshot, resources, expected);
        const answer: MergeResponse = { merges };
        return context.json(answer);
      },
    )
    .delete(
      "/resources/:kind/:namespace/:name",
      {
        summary: "Delete a document",
        role: "operator",
        params: ResourcePath,
        query: DeleteQuery,
        answer: ApplyResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        const ref = readParams(context, ResourcePath);
        mayChange(principal)([ref], config.snapshot.rootNamespace);
        const { reason, source, acceptEndpointLoss } = readQuery(context, DeleteQuery);
        const startedAt = context.get("startedAt");
        const outcome = await config.change({
          author: principal.name,
          authorize: mayChange(principal),
          source: source ?? "api",
          reason,
          kind: "delete",
          acceptsEndpointLoss: acceptEndpointLoss === "true",
          startedAt,
          plan: (snapshot) => {
            const document = snapshot.documents.get(formatRef(ref));
            const origin = snapshot.sourced.get(formatRef(ref))?.origin;
            if (!document && origin) throw new ChangeRefusedError(heldElsewhere(ref, origin));
            if (!document) throw new NotFoundError(`there is no ${formatRef(ref)}`);
            return [{ ref: document.resource, after: undefined }];
          },
        });
        return context.json(await toApplyResponse(outcome, startedAt));
      },
    );
}

/** Long texts are read where nobody waits for it; a short one is read sooner than it is sent there. */
async function parseAside({ yaml, twins = "refuse" }: ApplyRequest, study: Study) {
  if (parsingCost(yaml) < MAX_MARKS_READ_HERE) return parseResources(yaml, { twins });
  return study.ask("parse", { text: yaml, twins });
}

function heldElsewhere(ref: ResourceRef, { source, file }: DocumentOrigin): string {
  const where = file === undefined ? source : `${source}, file ${file}`;
  return `${formatRef(ref)} comes from ${where}, and is taken away there`;
}

/** So that tokens are taken from the moment on that their issuer is. Returns warnings. */
async function fetchKeysOf(
  applied: readonly { readonly resource: Resource }[],
  keySets: KeySets,
): Promise<string[]> {
  const fetched = applied.map(async ({ resource }) => {
    if (resource.kind !== "RequestAuthentication") return [];
    const sources = resource.rules.map(keySourceOf).filter((source) => source !== undefined);
    const warnings = await keySets.prepare(sources);
    return warnings.map((warning) => `${formatRef(resource)}: ${warning}`);
  });
  return (await Promise.all(fetched)).flat();
}

function toDocument(document: MeshDocument): ResourceDocument {
  const { resource, yaml, revision, updatedAtMs, origin } = document;
  const { kind, namespace, name } = resource;
  const { source, file, line } = origin ?? {};
  const from =
    source === undefined
      ? {}
      : {
          origin: {
            source,
            ...(file === undefined ? {} : { file }),
            ...(line === undefined ? {} : { line }),
          },
        };
  return { kind, namespace, name, yaml, revision, updatedAtMs, ...from };
}
