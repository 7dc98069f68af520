import {
  BypassesResponse,
  BypassRequest,
  BypassResponse,
  type BypassTarget,
  RequestSource,
} from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import { formatRef } from "@heddle/resources";
import { z } from "zod";
import { describeBypass, nameBypass, summarizeBypass } from "../bypass/describe-bypass.ts";
import { bypassesOf, planBypass } from "../bypass/plan-bypass.ts";
import { workloadKeyOf } from "../registry/instance.ts";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import { isOf } from "../snapshot/mesh-document.ts";
import { ApiRoutes } from "./api-routes.ts";
import { mayChange, readBody, readParams, readQuery, requireRole } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { CHANGE_REFUSALS } from "./refusals.ts";

const BypassPath = z.object({ namespace: z.string(), name: z.string() });
const EndQuery = z.object({
  reason: z.string().max(2000).optional(),
  source: RequestSource.optional(),
});

/** Pairs of services and workloads that are off the mesh's rules for a while. */
export function bypassRoutes(parts: ApiParts) {
  const { config } = parts;
  return new ApiRoutes()
    .get(
      "/bypasses",
      { summary: "List what is off the mesh's rules", role: "viewer", answer: BypassesResponse },
      (context) => {
        const nowMs = Date.now();
        const { snapshot } = config;
        const bypasses = bypassesOf(snapshot).map((one) => describeBypass(one, snapshot, nowMs));
        return context.json({ bypasses });
      },
    )
    .post(
      "/bypasses",
      {
        summary: "Take a pair of services, or a workload, off the mesh's rules for a while",
        description: "mTLS stays. The proxies end it by themselves when its time is over.",
        role: "operator",
        body: BypassRequest,
        answer: BypassResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        const { target, forMs, reason, source } = await readBody(context, BypassRequest);
        const namespace = target.kind === "pair" ? target.source.namespace : target.namespace;
        requireRole(principal, "operator", namespace);
        checkTarget(target, parts);
        context.set("audit", { target: nameBypass(target) });
        const untilMs = Date.now() + forMs;
        const outcome = await config.change({
          ...{ author: principal.name, authorize: mayChange(principal), reason },
          source: source ?? "api",
          kind: "bypass",
          summary: `Bypass ${summarizeBypass(target, untilMs)}`,
          startedAt: context.get("startedAt"),
          plan: (snapshot) => [planBypass(snapshot, target, untilMs)],
        });
        await outcome.delivery?.settle();
        const made = planBypass(config.snapshot, target, untilMs).ref;
        const document = config.snapshot.documents.get(formatRef(made));
        const bypass =
          document && isOf(document, "Bypass")
            ? describeBypass(document, config.snapshot, Date.now())
            : undefined;
        return context.json({ revision: outcome.revision, ...(bypass ? { bypass } : {}) });
      },
    )
    .delete(
      "/bypasses/:namespace/:name",
      {
        summary: "End a bypass now",
        role: "operator",
        params: BypassPath,
        query: EndQuery,
        answer: BypassResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        const path = readParams(context, BypassPath);
        requireRole(principal, "operator", path.namespace);
        const { reason, source } = readQuery(context, EndQuery);
        const outcome = await config.change({
          ...{ author: principal.name, authorize: mayChange(principal), reason },
          source: source ?? "api",
          kind: "bypass",
          summary: `Ended the bypass ${formatId(path)}`,
          startedAt: context.get("startedAt"),
          plan: ({ documents }) => {
            const document = documents.get(formatRef({ kind: "Bypass", ...path }));
            if (!document) throw new NotFoundError(`there is no bypass ${formatId(path)}`);
            return [{ ref: document.resource, after: undefined }];
          },
        });
        await outcome.delivery?.settle();
        return context.json({ revision: outcome.revision });
      },
    );
}

/** Throws where the target is not there, or nobody could be reached without the rules. */
function checkTarget(target: BypassTarget, { mesh, registry }: ApiParts): void {
  const keys = new Set([...registry.instances()].map(workloadKeyOf));
  if (target.kind === "workload") {
    const key = formatId({ namespace: target.namespace, name: target.workload });
    if (!keys.has(key)) throw new NotFoundError(`there is no workload ${key}`);
    return;
  }
  const { source, destination } = target;
  if (source.service === undefined && source.workload === undefined) {
    throw new ChangeRefusedError("name the caller: its service, its workload, or both");
  }
  const service = { namespace: destination.namespace, name: destination.service };
  const key = formatId(service);
  if (!mesh.isService(key)) throw new NotFoundError(`there is no service ${key}`);
  if (!mesh.hasEndpoints(service)) {
    const why = `nobody serves ${key}: only rules lead from it to others, and without them its callers would be answered 503`;
    throw new ChangeRefusedError(why);
  }
}
