import {
  LadderResponse,
  type MtlsGuard,
  MtlsGuardResponse,
  MtlsGuardsResponse,
  MtlsModeWire,
  type MtlsScope,
  MtlsSetRequest,
  MtlsSetResponse,
  PreflightResponse,
  TurnedAwayReason,
} from "@heddle/contracts";
import { formatId, WHOLE_MESH } from "@heddle/mesh";
import { findGuard, findGuards, type StoredGuard } from "@heddle/store";
import type { Context } from "hono";
import { z } from "zod";
import { CallerNames } from "../mtls/caller-names.ts";
import { describeLadder } from "../mtls/ladder.ts";
import { type PreflightQuery, readPreflight } from "../mtls/preflight.ts";
import { setMtls } from "../mtls/set-mtls.ts";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import { ApiRoutes } from "./api-routes.ts";
import { toApplyResponse } from "./apply-response.ts";
import { BadRequestError, readBody, readParams, readQuery, requireRole } from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";
import { CHANGE_REFUSALS, DATABASE_AWAY } from "./refusals.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WINDOW = "expected milliseconds, 300000 (5 min) to 604800000 (7 d)";
const MAX_GUARDS = 50;
const GUARDS_SHOWN_MS = 7 * DAY_MS;

const windowMs = z.coerce
  .number(WINDOW)
  .int(WINDOW)
  .min(300_000, WINDOW)
  .max(7 * DAY_MS, WINDOW);
const PreflightParams = z.object({
  namespace: z.string().optional(),
  workload: z.string().optional(),
  windowMs: windowMs.default(HOUR_MS),
});
const LadderParams = PreflightParams.omit({ workload: true });
const WorkloadPath = z.object({ namespace: z.string(), workload: z.string() });
const NamespacePath = z.object({ namespace: z.string() });
const GuardPath = z.object({ id: z.uuid() });

/** mTLS modes of workloads, namespaces and the mesh; who is in the way of STRICT; guarded flips. */
export function mtlsRoutes(parts: ApiParts) {
  const { db, config, registry, turnedAway, guards } = parts;
  const preflight = (query: PreflightQuery, nowMs: number): Promise<PreflightResponse> =>
    readPreflight({ db, snapshot: config.snapshot, registry, turnedAway }, query, nowMs);
  const set = async (context: Context<ApiEnv>, scope: MtlsScope) => {
    const principal = context.get("principal");
    requireRole(principal, "operator", reachOf(scope, parts));
    const request = await readBody(context, MtlsSetRequest);
    context.set("audit", { target: auditTarget(scope, request) });
    const startedAt = context.get("startedAt");
    const { guard, ...outcome } = await setMtls(parts, {
      scope,
      wanted: { mode: request.mode, isDryRun: request.dryRun ?? false },
      guard: request.guard,
      author: principal.name,
      source: request.source ?? "api",
      reason: request.reason,
      startedAt,
    });
    const answer = await toApplyResponse(outcome, startedAt);
    return context.json({ ...answer, ...(guard && { guard: toGuard(parts, guard) }) });
  };
  return new ApiRoutes()
    .get(
      "/mtls/preflight",
      {
        summary: "List who sends what STRICT would refuse",
        role: "viewer",
        query: PreflightParams,
        answer: PreflightResponse,
        refusals: ["HEDDLE_NOT_FOUND", "HEDDLE_DATABASE_UNAVAILABLE"],
      },
      async (context) => {
        const { namespace, workload, windowMs } = readQuery(context, PreflightParams);
        if (workload !== undefined && namespace === undefined) {
          const message = "is required with workload: names are unique within a namespace alone";
          throw new BadRequestError([{ field: "namespace", message }]);
        }
        const answer = await preflight({ namespace, workload, windowMs }, Date.now());
        if (workload !== undefined && answer.workloads.length === 0) {
          throw new NotFoundError(`no workload ${namespace}/${workload} is in the mesh`);
        }
        return context.json(answer);
      },
    )
    .get(
      "/mtls/ladder",
      {
        summary: "Show how far each workload is on its way to STRICT",
        role: "viewer",
        query: LadderParams,
        answer: LadderResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const { namespace, windowMs } = readQuery(context, LadderParams);
        const nowMs = Date.now();
        const answer = await preflight({ namespace, workload: undefined, windowMs }, nowMs);
        const about = { snapshot: config.snapshot, guards: guards.byWorkload(), nowMs };
        return context.json(describeLadder({ ...about, preflight: answer }));
      },
    )
    .get(
      "/mtls/guards",
      {
        summary: "List guarded flips: those that run, then the last 7 days'",
        role: "viewer",
        answer: MtlsGuardsResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const endedSinceMs = Date.now() - GUARDS_SHOWN_MS;
        const found = await findGuards(db, { endedSinceMs, limit: MAX_GUARDS });
        return context.json({ guards: found.map((one) => toGuard(parts, one)) });
      },
    )
    .get(
      "/mtls/guards/:id",
      {
        summary: "Show a guarded flip",
        role: "viewer",
        params: GuardPath,
        answer: MtlsGuardResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const { id } = readParams(context, GuardPath);
        return context.json({ guard: toGuard(parts, await getGuard(parts, id)) });
      },
    )
    .delete(
      "/mtls/guards/:id",
      {
        summary: "Stop watching a guarded flip",
        description: "STRICT stays.",
        role: "operator",
        params: GuardPath,
        answer: MtlsGuardResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        const { id } = readParams(context, GuardPath);
        const guard = await getGuard(parts, id);
        requireRole(principal, "operator", reachOf(guard.scope, parts));
        if (!(await guards.cancel(guard, principal.name))) {
          throw new ChangeRefusedError(`the guard has ended already: ${guard.words}`);
        }
        return context.json({ guard: toGuard(parts, await getGuard(parts, id)) });
      },
    )
    .put(
      "/mtls",
      {
        summary: "Set the mTLS mode of the whole mesh",
        role: "operator",
        body: MtlsSetRequest,
        answer: MtlsSetResponse,
        refusals: CHANGE_REFUSALS,
      },
      (context) => set(context, { kind: "mesh" }),
    )
    .put(
      "/mtls/:namespace",
      {
        summary: "Set the mTLS mode of a namespace",
        role: "operator",
        params: NamespacePath,
        body: MtlsSetRequest,
        answer: MtlsSetResponse,
        refusals: CHANGE_REFUSALS,
      },
      (context) => set(context, { kind: "namespace", ...readParams(context, NamespacePath) }),
    )
    .put(
      "/mtls/:namespace/:workload",
      {
        summary: "Set the mTLS mode of a workload",
        role: "operator",
        params: WorkloadPath,
        body: MtlsSetRequest,
        answer: MtlsSetResponse,
        refusals: CHANGE_REFUSALS,
      },
      (context) => set(context, { kind: "workload", ...readParams(context, WorkloadPath) }),
    );
}

/** The namespace whose operator may set it; what is said in the root namespace holds for the whole mesh. */
function reachOf(scope: MtlsScope, { config }: ApiParts): string {
  const isForAll = scope.kind === "mesh" || scope.namespace === config.snapshot.rootNamespace;
  return isForAll ? WHOLE_MESH : scope.namespace;
}

/** `shop/payments-v1: STRICT, guarded` */
function auditTarget(scope: MtlsScope, { mode, dryRun, guard }: MtlsSetRequest): string {
  const where =
    scope.kind === "workload"
      ? `${scope.namespace}/${scope.workload}`
      : scope.kind === "namespace"
        ? scope.namespace
        : "the mesh";
  const how = [mode, ...(dryRun === true ? ["dry run"] : []), ...(guard ? ["guarded"] : [])];
  return `${where}: ${how.join(", ")}`;
}

async function getGuard({ db }: ApiParts, id: string): Promise<StoredGuard> {
  const guard = await findGuard(db, id);
  if (!guard) throw new NotFoundError(`there is no guard ${id}`);
  return guard;
}

function toGuard({ guards, config, registry }: ApiParts, guard: StoredGuard): MtlsGuard {
  const nowMs = Date.now();
  const isRunning = guard.status === "running";
  const standing = isRunning ? guards.standing(guard.id, nowMs) : undefined;
  const { refused, callers, words } = standing ?? guard;
  const names = new CallerNames(config.snapshot, registry.instances());
  return {
    id: guard.id,
    scope: guard.scope,
    policy: formatId(guard.policy),
    previousMode: MtlsModeWire.parse(guard.previousMode), // only this process writes them
    revision: guard.revision,
    startedBy: guard.startedBy,
    startedAtMs: guard.startedAtMs,
    endsAtMs: guard.startedAtMs + guard.windowMs,
    windowMs: guard.windowMs,
    maxRefusals: guard.maxRefusals,
    workloads: [...guard.workloads],
    status: guard.status as MtlsGuard["status"],
    refused,
    callers: callers.map(({ reason, ...caller }) => ({
      ...caller,
      reason: TurnedAwayReason.parse(reason),
      label: names.label(caller.sourceAddress),
    })),
    waitingFor: [...(standing?.waitingFor ?? [])],
    words,
    ...(guard.endedAtMs === undefined ? {} : { endedAtMs: guard.endedAtMs }),
    ...(guard.endRevision === undefined ? {} : { endRevision: guard.endRevision }),
  };
}
