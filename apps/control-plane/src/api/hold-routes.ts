import { HoldRequest, HoldResponse, HoldsResponse, type RegistryHold } from "@heddle/contracts";
import type { Principal } from "@heddle/runtime";
import { z } from "zod";
import { type HoldAnswer, serviceOfHold } from "../registry/registry-holds.ts";
import { NotFoundError } from "../revisions/change-errors.ts";
import { ApiRoutes } from "./api-routes.ts";
import { readBody, readParams, requireRole, requireSomewhere } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { CHANGE_REFUSALS } from "./refusals.ts";

const HoldPath = z.object({ id: z.string().max(400) });

/** What is held in the registry, and the two answers to it. */
export function holdRoutes(parts: ApiParts) {
  const { holds, maxLossPercent } = parts;
  const findFor = (principal: Principal, id: string): RegistryHold => {
    requireSomewhere(principal, "operator");
    const hold = holds.find(id, Date.now());
    if (!hold) {
      const why = `nothing is held under ${id}: it was answered, or ended by itself. GET /holds lists what is held.`;
      throw new NotFoundError(why);
    }
    requireRole(principal, "operator", serviceOfHold(hold).namespace);
    return hold;
  };
  return new ApiRoutes()
    .get(
      "/holds",
      {
        summary: "List the updates of the registry that are held, those that ask first",
        role: "viewer",
        answer: HoldsResponse,
      },
      (context) => {
        const answer: HoldsResponse = { holds: holds.list(Date.now()), maxLossPercent };
        return context.json(answer);
      },
    )
    .post(
      "/holds/:id/confirm",
      {
        summary: "Let go the endpoints that are held",
        role: "operator",
        params: HoldPath,
        body: HoldRequest,
        answer: HoldResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        const hold = findFor(principal, readParams(context, HoldPath).id);
        context.set("audit", { target: hold.service });
        const request = await readBody(context, HoldRequest);
        const revision = await holds.confirm(
          hold,
          toAnswer(principal, request, context.get("startedAt")),
        );
        const words = `Let go. ${hold.service} has ${hold.endpointsAfter} endpoints left.`;
        return context.json({ revision, words } satisfies HoldResponse);
      },
    )
    .post(
      "/holds/:id/dismiss",
      {
        summary: "Keep the endpoints that are held, without asking again",
        role: "operator",
        params: HoldPath,
        body: HoldRequest,
        answer: HoldResponse,
        refusals: ["HEDDLE_NOT_FOUND"],
      },
      async (context) => {
        const principal = context.get("principal");
        const hold = findFor(principal, readParams(context, HoldPath).id);
        context.set("audit", { target: hold.service });
        const request = await readBody(context, HoldRequest);
        await holds.dismiss(hold, toAnswer(principal, request, context.get("startedAt")));
        const words = `Kept. ${hold.service} keeps them until they are heard of again, or somebody confirms.`;
        return context.json({ revision: 0, words } satisfies HoldResponse);
      },
    );
}

function toAnswer(
  principal: Principal,
  { source, reason }: HoldRequest,
  startedAt: number,
): HoldAnswer {
  return { author: principal.name, source: source ?? "api", reason, startedAt };
}
