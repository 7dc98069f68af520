import { PresenceRequest, PresenceResponse } from "@heddle/contracts";
import { ApiRoutes } from "./api-routes.ts";
import { readBody } from "./input.ts";
import type { ApiParts } from "./parts.ts";

/** Who has the same rule open. */
export function presenceRoutes({ presence, feed, replicas }: ApiParts) {
  return new ApiRoutes().post(
    "/presence",
    {
      summary: "Say that one looks at something, and hear who else does",
      role: "viewer",
      body: PresenceRequest,
      answer: PresenceResponse,
    },
    async (context) => {
      context.set("audit", { isQuestion: true });
      const { subject, page, isLeft = false } = await readBody(context, PresenceRequest);
      const { name } = context.get("principal");
      const nowMs = Date.now();
      const visit = { subject, name, page };
      const isNews = presence.hear({ ...visit, isLeft }, nowMs);
      if (isNews) feed.tell({ type: "presence", subject });
      if (replicas.others.length > 0) replicas.tell({ type: "presence", ...visit, isLeft });
      const answer: PresenceResponse = { others: presence.othersAt(visit, nowMs) };
      return context.json(answer);
    },
  );
}
