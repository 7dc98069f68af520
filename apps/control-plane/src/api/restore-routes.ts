import {
  CompareResponse,
  type ResourceKind,
  RestoreAtRequest,
  RestoreResponse,
  RevisionRestoreRequest,
} from "@heddle/contracts";
import {
  findDocumentsAt,
  findRevision,
  findRevisionAt,
  findRevisions,
  findRevisionsTouching,
  type PastDocument,
} from "@heddle/store";
import type { Context } from "hono";
import { z } from "zod";
import { planNamed, planWholeMesh, toPlanned } from "../history/plan-restore.ts";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import type { ChangeOutcome, ChangeRequest } from "../revisions/change-request.ts";
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

/** What going back to a state is: its words and its plan. */
type WayBack = Pick<ChangeRequest, "plan" | "summary"> & {
  /** The state is the one right after this revision; 0: before the first. */
  readonly state: number;
  readonly restoredRevision: number | undefined;
};

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

async function wayTo(
  parts: ApiParts,
  revision: number,
  { scope = "mesh", side = "after" }: z.infer<typeof RevisionRestoreRequest>,
): Promise<WayBack> {
  const state = side === "after" ? revision : revision - 1;
  if (scope === "mesh" && side === "after") {
    const summary = `Restored revision ${revision}`;
    return wayToMesh(parts, state, { summary, restoredRevision: revision });
  }
  const found = await findRevision(parts.db, revision);
  if (!found) throw new NotFoundError(`there is no revision ${revision}`);
  if (scope === "mesh") {
    const summary = `Restored to before revision ${revision}`;
    return wayToMesh(parts, state, { summary, restoredRevision: state > 0 ? state : undefined });
  }
  const named = found.resources.map(({ kind, namespace, name }) => {
    return { kind: kind as ResourceKind, namespace, name }; // only documents of these kinds are ever stored
  });
  // The revision's own texts, not the state before by number: they are what it was made against.
  const past = found.changes.flatMap((one): PastDocument[] => {
    const yaml = side === "after" ? one.after : one.before;
    return yaml === undefined ? [] : [{ ...one, yaml, createdAtMs: found.createdAtMs }];
  });
  const births = new Map((await stateOf(parts, state)).map((one) => [keyOf(one), one.createdAtMs]));
  const documents = toPlanned(
    past.map((one) => ({ ...one, createdAtMs: births.get(keyOf(one)) ?? one.createdAtMs })),
    parts.config.snapshot,
  );
  return {
    state,
    restoredRevision: side === "after" ? revision : undefined,
    summary:
      side === "after"
        ? `Restored the documents of revision ${revision}`
        : `Took back revision ${revision}`,
    plan: () => planNamed(named, documents),
  };
}

async function wayToMesh(
  parts: ApiParts,
  state: number,
  words: Pick<WayBack, "summary" | "restoredRevision">,
): Promise<WayBack> {
  const documents = toPlanned(await stateOf(parts, state), parts.config.snapshot);
  const { summary, restoredRevision } = words;
  const plan: WayBack["plan"] = (snapshot) => planWholeMesh(snapshot, documents);
  return { state, restoredRevision, plan, ...(summary === undefined ? {} : { summary }) };
}

/** Every document as it stood right after a revision; none before the first. */
async function stateOf({ db }: ApiParts, revision: number): Promise<readonly PastDocument[]> {
  if (revision === 0) return [];
  const past = await findDocumentsAt(db, revision);
  if (!past) throw new NotFoundError(`there is no revision ${revision}`);
  return past;
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
