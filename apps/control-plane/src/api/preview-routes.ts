import { PreviewRequest, PreviewResponse } from "@heddle/contracts";
import { filesOfText } from "../analysis/files-of-text.ts";
import { previewChange } from "../preview/preview-change.ts";
import { TooManyPreviewsError } from "../preview/too-many-previews-error.ts";
import { RateLimiter } from "../rate-limit.ts";
import { toFindingsWire } from "./analysis-routes.ts";
import { ApiRoutes } from "./api-routes.ts";
import { readBody } from "./input.ts";
import type { ApiParts } from "./parts.ts";

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
        "Nothing is applied: faults and warnings, routes before and after, who is touched, and what the last minutes' sampled requests would have met.",
      role: "viewer",
      body: PreviewRequest,
      answer: PreviewResponse,
      refusals: ["HEDDLE_TOO_MANY_REQUESTS"],
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
        const preview = await previewChange(request, parts, Date.now());
        const files = filesOfText(request.yaml, request.files);
        const { findings } = await parts.analysis.ofFiles(files, { nowMs: Date.now() });
        const answer: PreviewResponse = { ...preview, findings: toFindingsWire(findings) };
        return context.json(answer);
      } finally {
        running -= 1;
      }
    },
  );
}
