import {
  InstanceOverrideRequest,
  InstanceOverrideResponse,
  InstanceOverridesResponse,
  RequestSource,
} from "@heddle/contracts";
import type { ConfigDb } from "@heddle/store";
import { z } from "zod";
import {
  describeOverride,
  endpointsMeant,
  OverrideAuthors,
} from "../overrides/describe-override.ts";
import {
  findOverride,
  formatAddress,
  type OverrideTarget,
  planOverride,
  summarizeOverride,
} from "../overrides/plan-override.ts";
import { NotFoundError } from "../revisions/change-errors.ts";
import { parseOne } from "../revisions/parse-one.ts";
import { ApiRoutes } from "./api-routes.ts";
import { mayChange, readBody, readParams, readQuery, requireRole } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { CHANGE_REFUSALS } from "./refusals.ts";

const WorkloadPath = z.object({ namespace: z.string(), workload: z.string() });
const RestoreQuery = z.object({
  address: z.string().min(1).max(300),
  reason: z.string().max(2000).optional(),
  source: RequestSource.optional(),
});

/** What people set by hand for single instances: out of use, another weight, other labels, another locality. */
export function overrideRoutes(parts: ApiParts) {
  const { config, mesh } = parts;
  const authors = new OverrideAuthors(parts.db satisfies ConfigDb);
  return new ApiRoutes()
    .get(
      "/registry/overrides",
      {
        summary: "List what was set by hand for single instances",
        role: "viewer",
        answer: InstanceOverridesResponse,
      },
      async (context) => {
        const { overrides } = config.snapshot;
        const answer: InstanceOverridesResponse = {
          overrides: await Promise.all(
            overrides.map(async (one) => ({
              ...(await describeOverride(one, authors)),
              endpoints: endpointsMeant(one.resource, mesh),
            })),
          ),
        };
        return context.json(answer);
      },
    )
    .put(
      "/registry/overrides/:namespace/:workload",
      {
        summary:
          "Take an instance out of use by hand, or give it another weight, labels or locality",
        description:
          "One revision. What is not given stays as an override of that instance says it, null takes it back.",
        role: "operator",
        params: WorkloadPath,
        body: InstanceOverrideRequest,
        answer: InstanceOverrideResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        const path = readParams(context, WorkloadPath);
        requireRole(principal, "operator", path.namespace);
        const request = await readBody(context, InstanceOverrideRequest);
        const target = { ...path, address: normalAddress({ ...path, address: request.address }) };
        const { reason, source, acceptEndpointLoss = false } = request;
        context.set("audit", { target: `${path.namespace}/${path.workload} ${target.address}` });
        const own = findOverride(config.snapshot, target);
        if (!own) requireMeant(target, parts);
        const summary = summarizeOverride(target, request);
        const outcome = await config.change({
          ...{ author: principal.name, authorize: mayChange(principal), reason },
          source: source ?? "api",
          kind: "registry",
          summary,
          acceptsEndpointLoss: acceptEndpointLoss,
          startedAt: context.get("startedAt"),
          plan: (snapshot) => [planOverride(snapshot, target, request)],
        });
        await outcome.delivery?.settle();
        const words = outcome.revision === 0 ? "It was so already." : `${summary}.`;
        return context.json({
          revision: outcome.revision,
          words,
        } satisfies InstanceOverrideResponse);
      },
    )
    .delete(
      "/registry/overrides/:namespace/:workload",
      {
        summary: "Take back what was set by hand for an instance",
        role: "operator",
        params: WorkloadPath,
        query: RestoreQuery,
        answer: InstanceOverrideResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        const path = readParams(context, WorkloadPath);
        requireRole(principal, "operator", path.namespace);
        const { address, reason, source } = readQuery(context, RestoreQuery);
        const target = { ...path, address: normalAddress({ ...path, address }) };
        context.set("audit", { target: `${path.namespace}/${path.workload} ${target.address}` });
        const outcome = await config.change({
          ...{ author: principal.name, authorize: mayChange(principal), reason },
          source: source ?? "api",
          kind: "registry",
          summary: `${path.namespace}/${path.workload} at ${target.address}: as it says itself again`,
          startedAt: context.get("startedAt"),
          plan: (snapshot) => {
            const own = findOverride(snapshot, target);
            const why = `nothing was set by hand for ${path.namespace}/${path.workload} at ${target.address}; GET /registry/overrides lists what was`;
            if (!own) throw new NotFoundError(why);
            return [{ ref: own.resource, after: undefined }];
          },
        });
        await outcome.delivery?.settle();
        const words = `${path.workload} at ${target.address} is used as it says itself.`;
        return context.json({
          revision: outcome.revision,
          words,
        } satisfies InstanceOverrideResponse);
      },
    );
}

/** In the one form documents have it. Throws `ConfigFaultsError` for what is no address. */
function normalAddress(target: OverrideTarget): string {
  return formatAddress(readTarget(target));
}

function readTarget({ namespace, workload, address }: OverrideTarget) {
  const document = {
    apiVersion: "heddle.dev/v1",
    kind: "InstanceOverride",
    metadata: { name: "asked-for", namespace },
    spec: { workload, address, drain: true },
  };
  const { resource } = parseOne(JSON.stringify(document));
  if (resource.kind !== "InstanceOverride") throw new Error(`read as ${resource.kind}`);
  return resource;
}

/** Throws `NotFoundError`, which names the addresses there are, where nobody of that name is there. */
function requireMeant(target: OverrideTarget, { mesh }: ApiParts): void {
  const asked = readTarget(target);
  if (endpointsMeant(asked, mesh).length > 0) return;
  const { namespace, workload } = target;
  const known = mesh.endpointsOfWorkload(asked);
  const there =
    known.length === 0
      ? "nobody of that name serves anything; `heddle get workloads` lists who does"
      : `it serves at ${known.slice(0, 10).join(", ")}`;
  throw new NotFoundError(
    `no endpoint of ${namespace}/${workload} is at ${target.address}: ${there}`,
  );
}
