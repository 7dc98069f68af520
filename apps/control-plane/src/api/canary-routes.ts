import {
  CanariesResponse,
  type Canary,
  CanaryChangeResponse,
  CanaryRollbackRequest,
  CanaryStartRequest,
  CanaryWeightRequest,
} from "@heddle/contracts";
import { DatabaseUnavailableError } from "@heddle/store";
import type { Context } from "hono";
import { z } from "zod";
import { changeCanary } from "../rollout/change-canary.ts";
import { describeSide, type FoundCanary, findCanary } from "../rollout/find-canary.ts";
import { planCanaryStart } from "../rollout/start-canary.ts";
import { round } from "../stream/hub.ts";
import { ApiRoutes } from "./api-routes.ts";
import { mayChange, readBody, readParams, requireRole } from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";
import { CHANGE_REFUSALS } from "./refusals.ts";

const ServicePath = z.object({ namespace: z.string(), service: z.string() });

/** Canaries: what is under judgement, how much it gets, and back. */
export function canaryRoutes(parts: ApiParts) {
  const { config, registry } = parts;
  const change = async (
    context: Context<ApiEnv>,
    kind: "weight" | "rollback",
    request: CanaryWeightRequest,
    isPromotion = false,
  ) => {
    const { namespace, service } = readParams(context, ServicePath);
    const principal = context.get("principal");
    const target = `${namespace}/${service}: ${request.canaryPercent} %`;
    context.set("audit", { target });
    const answer = await changeCanary(config, registry, {
      service: { namespace, name: service },
      canaryPercent: request.canaryPercent,
      kind,
      isPromotion,
      author: principal.name,
      authorize: mayChange(principal),
      source: request.source ?? "api",
      reason: request.reason,
      sinceClickMs: request.sinceClickMs ?? 0,
      startedAt: context.get("startedAt"),
    });
    return context.json(answer);
  };
  const start = async (context: Context<ApiEnv>, request: CanaryStartRequest) => {
    const { namespace, service: name } = readParams(context, ServicePath);
    const principal = context.get("principal");
    const { version, stable, canaryPercent } = request;
    const key = `${namespace}/${name}`;
    context.set("audit", { target: `${key} ${version}: ${canaryPercent} %` });
    const startedAt = context.get("startedAt");
    const wish = { service: { namespace, name }, version, stable, canaryPercent };
    const { revision, savedAt, delivery } = await config.change({
      ...{ author: principal.name, authorize: mayChange(principal), reason: request.reason },
      source: request.source ?? "api",
      kind: "weight",
      summary: `${name} ${version} on trial at ${canaryPercent} %`,
      startedAt,
      plan: (snapshot) => [planCanaryStart(snapshot, registry.instancesOfService(key), wish)],
    });
    const told = await delivery?.settle();
    const sinceClick = (at: number) => round(at - startedAt + (request.sinceClickMs ?? 0));
    const answer: CanaryChangeResponse = {
      revision,
      savedAfterMs: sinceClick(savedAt),
      ...(told?.allAckedAt === undefined ? {} : { ackedAfterMs: sinceClick(told.allAckedAt) }),
      proxiesAcked: told?.acked ?? 0,
      proxiesTotal: told?.total ?? 0,
      previousCanaryPercent: 0,
    };
    return context.json(answer);
  };
  return new ApiRoutes()
    .get(
      "/canaries",
      { summary: "List the canaries", role: "viewer", answer: CanariesResponse },
      async (context) => {
        const found = [...config.snapshot.routedKeys]
          .sort()
          .flatMap((key) => findCanary(config.snapshot, key) ?? []);
        const canaries = await Promise.all(found.map((one) => toCanary(parts, one)));
        return context.json(CanariesResponse.parse({ canaries }));
      },
    )
    .post(
      "/canaries/:namespace/:service/weight",
      {
        summary: "Set how much traffic a canary gets",
        role: "operator",
        params: ServicePath,
        body: CanaryWeightRequest,
        answer: CanaryChangeResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        requireOperator(context);
        return change(context, "weight", await readBody(context, CanaryWeightRequest));
      },
    )
    .post(
      "/canaries/:namespace/:service/start",
      {
        summary: "Put a version on trial",
        description:
          "Beside the version that has all the traffic. The service's plain route is edited, or its VirtualService made; with the present share of another canary it is refused.",
        role: "operator",
        params: ServicePath,
        body: CanaryStartRequest,
        answer: CanaryChangeResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        requireOperator(context);
        return start(context, await readBody(context, CanaryStartRequest));
      },
    )
    .post(
      "/canaries/:namespace/:service/promote",
      {
        summary: "Send all traffic to the version on trial",
        description:
          "The former stable version keeps its place at 0 %: `rollback` leads back to it.",
        role: "operator",
        params: ServicePath,
        body: CanaryRollbackRequest,
        answer: CanaryChangeResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        requireOperator(context);
        const request = await readBody(context, CanaryRollbackRequest);
        return change(context, "weight", { ...request, canaryPercent: 100 }, true);
      },
    )
    .post(
      "/canaries/:namespace/:service/rollback",
      {
        summary: "Send all traffic back to the stable version",
        role: "operator",
        params: ServicePath,
        body: CanaryRollbackRequest,
        answer: CanaryChangeResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        requireOperator(context);
        const request = await readBody(context, CanaryRollbackRequest);
        return change(context, "rollback", { ...request, canaryPercent: 0 });
      },
    );
}

function requireOperator(context: Context<ApiEnv>): void {
  const { namespace } = readParams(context, ServicePath);
  requireRole(context.get("principal"), "operator", namespace);
}

async function toCanary(
  { config, registry, canaryStarts }: ApiParts,
  found: FoundCanary,
): Promise<Canary> {
  const { snapshot } = config;
  const { namespace, name } = found.service;
  const { resource, revision, updatedAtMs } = found.document;
  const instances = registry.instancesOfService(`${namespace}/${name}`);
  const start = await canaryStarts.find(found).catch((error: unknown) => {
    if (!(error instanceof DatabaseUnavailableError)) throw error;
    return { startedAtMs: updatedAtMs, startedBy: "unknown" }; // the rest is worth showing all the same
  });
  return {
    namespace,
    service: name,
    virtualService: resource.name,
    route: found.route,
    stable: describeSide(snapshot, found, "stable", instances),
    canary: describeSide(snapshot, found, "canary", instances),
    revision,
    ...start,
  };
}
