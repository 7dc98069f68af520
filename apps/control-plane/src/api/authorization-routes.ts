import { SuggestRequest, SuggestResponse, WhyRequest, WhyResponse } from "@heddle/contracts";
import { explainRequest } from "../security/explain-request.ts";
import { suggestForDenial, suggestFromTraffic } from "../security/suggest-policy.ts";
import { ApiRoutes } from "./api-routes.ts";
import { readBody } from "./input.ts";
import type { ApiParts } from "./parts.ts";

/** Why a request may or may not pass, and the rules that would change it. Nothing here changes anything. */
export function authorizationRoutes({ mesh, registry, trustDomain }: ApiParts) {
  return new ApiRoutes()
    .post(
      "/why",
      {
        summary: "Explain what the rules in force say of a request",
        description: "Nothing is sent and nothing changes.",
        role: "viewer",
        body: WhyRequest,
        answer: WhyResponse,
        refusals: ["HEDDLE_NOT_FOUND"],
      },
      async (context) => {
        context.set("audit", { isQuestion: true });
        const request = await readBody(context, WhyRequest);
        const answer: WhyResponse = explainRequest(request, mesh, registry.instances());
        return context.json(answer);
      },
    )
    .post(
      "/policies/suggest",
      {
        summary: "Suggest policies from a denial or from observed calls",
        description: "Nothing is applied.",
        role: "viewer",
        body: SuggestRequest,
        answer: SuggestResponse,
        refusals: ["HEDDLE_NOT_FOUND"],
      },
      async (context) => {
        context.set("audit", { isQuestion: true });
        const request = await readBody(context, SuggestRequest);
        const parts = {
          snapshot: mesh.snapshot,
          instances: [...registry.instances()],
          trustDomain,
        };
        const answer: SuggestResponse =
          request.from === "denial"
            ? suggestForDenial(request.denial, parts)
            : suggestFromTraffic(request, parts);
        return context.json(answer);
      },
    );
}
