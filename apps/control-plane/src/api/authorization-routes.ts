import {
  SuggestRequest,
  type SuggestResponse,
  WhyRequest,
  type WhyResponse,
} from "@heddle/contracts";
import { Hono } from "hono";
import { explainRequest } from "../security/explain-request.ts";
import { suggestForDenial, suggestFromTraffic } from "../security/suggest-policy.ts";
import { readBody } from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";

/** Why a request may or may not pass, and the rules that would change it. Nothing here changes anything. */
export function authorizationRoutes({ mesh, registry, trustDomain }: ApiParts) {
  return new Hono<ApiEnv>()
    .post("/why", async (context) => {
      context.set("audit", { isQuestion: true });
      const request = await readBody(context, WhyRequest);
      const answer: WhyResponse = explainRequest(request, mesh, registry.instances());
      return context.json(answer);
    })
    .post("/policies/suggest", async (context) => {
      context.set("audit", { isQuestion: true });
      const request = await readBody(context, SuggestRequest);
      const parts = { snapshot: mesh.snapshot, instances: [...registry.instances()], trustDomain };
      const answer: SuggestResponse =
        request.from === "denial"
          ? suggestForDenial(request.denial, parts)
          : suggestFromTraffic(request, parts);
      return context.json(answer);
    });
}
