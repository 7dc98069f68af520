import { CanariedPush, PushesResponse, PushRequest, ResourceKind } from "@heddle/contracts";
import type { StoredPush } from "@heddle/store";
import type { Context } from "hono";
import { z } from "zod";
import { NotFoundError } from "../revisions/change-errors.ts";
import { ApiRoutes } from "./api-routes.ts";
import { mayChange, readBody, readParams, requireSomewhere } from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";
import { CHANGE_REFUSALS, DATABASE_AWAY } from "./refusals.ts";

const PushPath = z.object({ id: z.string().max(64) });

/** Risky changes on their way: some proxies have them first. */
export function pushRoutes({ pushes, config }: ApiParts) {
  /** Who may change all its documents may say what becomes of it. */
  const readAct = async (context: Context<ApiEnv>) => {
    const principal = context.get("principal");
    requireSomewhere(principal, "operator");
    const { id } = readParams(context, PushPath);
    const push = await pushes.find(id);
    if (!push)
      throw new NotFoundError(`no canaried push has the id "${id}"; GET /pushes lists them`);
    const authorize = mayChange(principal);
    authorize(refsOf(push), config.snapshot.rootNamespace);
    context.set("audit", { target: `revision ${push.revisions.join(", ")}` });
    const { reason } = await readBody(context, PushRequest);
    return { push, actor: { name: principal.name, reason, authorize } };
  };
  const describe = async (id: string): Promise<CanariedPush> => {
    const push = await pushes.describe(id);
    if (push) return push;
    throw new NotFoundError(`the canaried push ${id} is not kept any more`);
  };
  return new ApiRoutes()
    .get(
      "/pushes",
      {
        summary: "List canaried pushes, the one that runs first",
        description:
          "A risky change reaches a few proxies first, and the others when those stay well; otherwise it is taken back.",
        role: "viewer",
        answer: PushesResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const answer: PushesResponse = { pushes: await pushes.list() };
        return context.json(answer);
      },
    )
    .post(
      "/pushes/:id/finish",
      {
        summary: "Push to all proxies now",
        role: "operator",
        params: PushPath,
        body: PushRequest,
        answer: CanariedPush,
        refusals: ["HEDDLE_NOT_FOUND", "HEDDLE_CHANGE_REFUSED", ...DATABASE_AWAY],
      },
      async (context) => {
        const { push, actor } = await readAct(context);
        await pushes.finish(push, actor);
        return context.json(await describe(push.id));
      },
    )
    .post(
      "/pushes/:id/stop",
      {
        summary: "Take a change back from the first proxies, in a revision",
        role: "operator",
        params: PushPath,
        body: PushRequest,
        answer: CanariedPush,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        const { push, actor } = await readAct(context);
        await pushes.stop(push, actor);
        return context.json(await describe(push.id));
      },
    );
}

function refsOf({ held }: StoredPush) {
  return held.flatMap(({ kind, namespace, name }) => {
    const known = ResourceKind.safeParse(kind);
    return known.success ? [{ kind: known.data, namespace, name }] : [];
  });
}
