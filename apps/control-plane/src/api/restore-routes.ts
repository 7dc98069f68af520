import {
  CompareResponse,
  RestoreAtRequest,
  RestoreResponse,
  RevisionRestoreRequest,
} from "@heddle/contracts";
import {
  findRevisionAt,
  findRevisions,
  findRevisionsTouching,
  type PastDocument,
} from "@heddle/store";
import type { Context } from "hono";
import { z } from "zod";
import { stateOf, type WayBack, wayTo, wayToMesh } from "../history/way-back.ts";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import type { ChangeOutcome } from "../revisions/change-request.ts";
import { describeChange } from "../revisions/diff-documents.ts";
import { toMention } from "../revisions/to-summary.ts";
import { ApiRoutes } from "./api-routes.ts";
import { toApplyResponse } from "./apply-response.ts";
import { mayChange, readBody, readParams, readQuery, requireSomewhere } from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";
import { CHANGE_REFUSALS, DATABASE_AWAY } from "./refusals.ts";
import { RevisionPath } from "./revision-routes.ts";

const MAX_UNDONE = 100;
const AnyState = z.coerce.number().int().min(0).max(2_147_483_647);
const CompareQuery = z.object({ from: AnyState, to: AnyState });

/** Ways back, each as a new revision, and how two states differ. */
export function restoreRoutes(parts: ApiParts) {
  const { db } = parts;
  return new ApiRoutes()
    .post(
      "/revisions/:revision/restore",
      {
        summary: "Go back to a revision, with the whole mesh or with its own documents",
        role: "operator",
        params: RevisionPath,
        body: RevisionRestoreRequest,
        answer: RestoreResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        requireSomewhere(context.get("principal"), "operator");
        const { revision } = readParams(context, RevisionPath);
        const request = await readBody(context, RevisionRestoreRequest);
        const way = await wayTo(parts, revision, request);
        return context.json(await goBack(context, parts, way, request));
      },
    )
    .post(
      "/restore",
      {
        summary: "Go back with the whole mesh to how it stood at a moment",
        role: "operator",
        body: RestoreAtRequest,
        answer: RestoreResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        requireSomewhere(context.get("principal"), "operator");
        const request = await readBody(context, RestoreAtRequest);
        const found = await findStateAt(parts, request.atMs);
        context.set("audit", { target: new Date(request.atMs).toISOString() });
        const way = await wayToMesh(parts, found.revision, {
          summary: `Restored the mesh to ${stamp(request.atMs)} (revision ${found.revision})`,
          restoredRevision: found.revision,
        });
        return context.json(await goBack(context, parts, way, request));
      },
    )
    .get(
      "/compare",
      {
        summary: "Compare the documents of two states",
        role: "viewer",
        query: CompareQuery,
        answer: CompareResponse,
        refusals: ["HEDDLE_NOT_FOUND", ...DATABASE_AWAY],
      },
      async (context) => {
        const { from, to } = readQuery(context, CompareQuery);
        const [before, after] = await Promise.all([stateOf(parts, from), stateOf(parts, to)]);
        const answer: CompareResponse = { from, to, changes: compareStates(before, after) };
        return context.json(answer);
      },
    );

  async function goBack(
    context: Context<ApiEnv>,
    { config }: ApiParts,
    { state, ...way }: WayBack,
    request: z.infer<typeof RevisionRestoreRequest>,
  ): Promise<RestoreResponse> {
    const principal = context.get("principal");
    const dryRun = request.dryRun === true;
    context.set("audit", { ...context.get("audit"), isQuestion: dryRun });
    const startedAt = context.get("startedAt");
    const { restoredRevision } = way;
    const newest = config.snapshot.revision;
    const outcome = await config.change({
      author: principal.name,
      authorize: mayChange(principal), // of the documents that the restore really changes
      source: request.source ?? "api",
      reason: request.reason,
      kind: "restore",
      plan: way.plan,
      ...(way.summary === undefined ? {} : { summary: way.summary }),
      ...(restoredRevision === undefined ? {} : { restoredRevision }),
      dryRun,
      acceptsEndpointLoss: request.acceptEndpointLoss ?? false,
      startedAt,
    });
    const [answer, undoes] = await Promise.all([
      toApplyResponse(outcome, startedAt),
      findUndone(outcome, state, newest),
    ]);
    return { ...answer, restoredRevision: state, undoes };
  }

  /** Later changes to what the way back changes; asked when the proxies have it. */
  async function findUndone({ changes, revision }: ChangeOutcome, state: number, newest: number) {
    const until = revision === 0 ? newest : revision - 1;
    const documents = changes.map(({ kind, namespace, name }) => ({ kind, namespace, name }));
    const page = { documents, after: state, until, limit: MAX_UNDONE };
    return (await findRevisionsTouching(db, page)).map(toMention);
  }
}

async function findStateAt({ db }: ApiParts, atMs: number) {
  const nowMs = Date.now();
  if (atMs > nowMs + 1000) {
    throw new ChangeRefusedError(`${stamp(atMs)} has not come yet; name a moment in the past`);
  }
  const found = await findRevisionAt(db, atMs);
  if (found) return found;
  const [newest] = await findRevisions(db, { limit: 1 });
  const why = newest
    ? "the first revision is younger; nothing is known of the mesh before it"
    : "there is no revision yet";
  throw new NotFoundError(`nothing stood at ${stamp(atMs)}: ${why}`);
}

function compareStates(before: readonly PastDocument[], after: readonly PastDocument[]) {
  const [past, present] = [byKey(before), byKey(after)];
  return [...new Set([...past.keys(), ...present.keys()])].sort().flatMap((key) => {
    const [old, now] = [past.get(key), present.get(key)];
    const one = now ?? old;
    if (!one || old?.yaml === now?.yaml) return [];
    return [describeChange({ ...one, before: old?.yaml, after: now?.yaml })];
  });
}

function byKey(documents: readonly PastDocument[]): Map<string, PastDocument> {
  return new Map(documents.map((one) => [keyOf(one), one]));
}

function keyOf({ kind, namespace, name }: Pick<PastDocument, "kind" | "namespace" | "name">) {
  return `${kind} ${namespace}/${name}`;
}

function stamp(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}
