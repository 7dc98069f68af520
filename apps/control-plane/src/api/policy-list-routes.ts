import { ApplyResponse, PoliciesResponse, PolicyShadowRequest } from "@heddle/contracts";
import { z } from "zod";
import { describePolicies } from "../security/describe-policies.ts";
import { planShadow } from "../security/plan-shadow.ts";
import { ApiRoutes } from "./api-routes.ts";
import { toApplyResponse } from "./apply-response.ts";
import { mayChange, readBody, readParams, requireRole } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { CHANGE_REFUSALS } from "./refusals.ts";

const PolicyPath = z.object({ namespace: z.string(), name: z.string() });

/** Which documents say who may call whom, and whether they are enforced or only counted. */
export function policyListRoutes({ mesh, registry, config }: ApiParts) {
  return new ApiRoutes()
    .get(
      "/policies",
      {
        summary: "List the policies and whom each holds for",
        role: "viewer",
        answer: PoliciesResponse,
      },
      (context) => {
        const { snapshot } = mesh;
        const policies = describePolicies(snapshot, registry.instances());
        const answer: PoliciesResponse = { revision: snapshot.revision, policies };
        return context.json(answer);
      },
    )
    .put(
      "/policies/:namespace/:name/shadow",
      {
        summary: "Let an AuthorizationPolicy only count, or enforce it",
        role: "operator",
        params: PolicyPath,
        body: PolicyShadowRequest,
        answer: ApplyResponse,
        refusals: CHANGE_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        const policy = readParams(context, PolicyPath);
        requireRole(principal, "operator", policy.namespace);
        const { isShadow, reason, source } = await readBody(context, PolicyShadowRequest);
        const startedAt = context.get("startedAt");
        const outcome = await config.change({
          author: principal.name,
          authorize: mayChange(principal),
          source: source ?? "api",
          reason,
          kind: "apply",
          summary: `${policy.name} ${isShadow ? "only counts" : "is enforced"}`,
          startedAt,
          plan: (snapshot) => [planShadow(snapshot, policy, isShadow)],
        });
        return context.json(await toApplyResponse(outcome, startedAt));
      },
    );
}
