import { PreviewRequest, PreviewResponse } from "@heddle/contracts";
import { touchedProxies } from "../preview/blast-radius.ts";
import { TooManyPreviewsError } from "../preview/too-many-previews-error.ts";
import { RateLimiter } from "../rate-limit.ts";
import { toFindingsWire } from "./analysis-routes.ts";
import { ApiRoutes } from "./api-routes.ts";
import { readBody } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { STUDY_REFUSALS } from "./refusals.ts";

/** An editor asks once a second while somebody types. */
const LIMIT = { burst: 30, perSecond: 1 };
/** So many at a time; each holds a candidate of the whole configuration. */
const MAX_AT_ONCE = 4;

/** What a change would do, before it is made. */
export function previewRoutes(parts: ApiParts) {
  const limiter = new RateLimiter(LIMIT);
  let running = 0;
  return new ApiRoutes().post(
    "/preview",
    {
      summary: "Show what a change would do",
      description:
        "Nothing is applied: faults and warnings, findings, routes before and after, who is touched, and what the last minutes' sampled requests would have met.",
      role: "viewer",
      body: PreviewRequest,
      answer: PreviewResponse,
      refusals: STUDY_REFUSALS,
    },
    async (context) => {
      context.set("audit", { isQuestion: true });
      const request = await readBody(context, PreviewRequest);
      const { name } = context.get("principal");
      if (running >= MAX_AT_ONCE || !limiter.take(name, Date.now())) {
        throw new TooManyPreviewsError();
      }
      running += 1;
      try {
        return context.json(await askPreview(request, parts, context.req.raw.signal));
      } finally {
        running -= 1;
      }
    },
  );
}

async function askPreview(
  request: PreviewRequest,
  { study, mesh, hub, registry }: ApiParts,
  signal: AbortSignal,
): Promise<PreviewResponse> {
  const startedAt = performance.now();
  const used = mesh.snapshot.compiledKeys.filter((key) => !mesh.snapshot.names(key));
  const question = { request, nowMs: Date.now(), used };
  const { keys, findings, blastRadius, ...answer } = await study.ask("preview", question, {
    signal,
  });
  return {
    ...answer,
    findings: toFindingsWire(findings),
    blastRadius: { ...blastRadius, ...touchedProxies(keys, { hub, registry }) },
    tookMs: Math.round((performance.now() - startedAt) * 10) / 10,
  };
}
