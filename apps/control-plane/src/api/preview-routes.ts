import { PreviewRequest, PreviewResponse } from "@heddle/contracts";
import { formatRef } from "@heddle/resources";
import { wayTo } from "../history/way-back.ts";
import { touchedProxies } from "../preview/blast-radius.ts";
import { TooManyPreviewsError } from "../preview/too-many-previews-error.ts";
import { RateLimiter } from "../rate-limit.ts";
import { textsOf, withoutFound } from "../revisions/coded-warning.ts";
import { toFindingsWire } from "./analysis-routes.ts";
import { ApiRoutes } from "./api-routes.ts";
import { BadRequestError, readBody } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { DATABASE_AWAY, STUDY_REFUSALS } from "./refusals.ts";

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
      refusals: ["HEDDLE_NOT_FOUND", "HEDDLE_BAD_DOCUMENT", ...STUDY_REFUSALS, ...DATABASE_AWAY],
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
        const change = await toChange(request, parts);
        return context.json(await askPreview(change, parts, context.req.raw.signal));
      } finally {
        running -= 1;
      }
    },
  );
}

/** A way back as the documents it changes. */
async function toChange(request: PreviewRequest, parts: ApiParts): Promise<PreviewRequest> {
  const { restore, yaml, deletes, windowMs } = request;
  if (restore === undefined) return request;
  if (yaml !== "" || deletes.length > 0) {
    const message = "is given beside yaml or deletes; preview one change at a time";
    throw new BadRequestError([{ field: "restore", message }]);
  }
  const { snapshot } = parts.config;
  const way = await wayTo(parts, restore.revision, restore);
  const changed = way
    .plan(snapshot)
    .filter(({ ref, after }) => snapshot.documents.get(formatRef(ref))?.yaml !== after?.yaml);
  return {
    windowMs,
    yaml: changed.flatMap(({ after }) => after?.yaml ?? []).join("---\n"),
    deletes: changed
      .filter(({ after }) => after === undefined)
      .map(({ ref: { kind, namespace, name } }) => ({ kind, namespace, name })),
  };
}

async function askPreview(
  request: PreviewRequest,
  { study, mesh, hub, registry }: ApiParts,
  signal: AbortSignal,
): Promise<PreviewResponse> {
  const startedAt = performance.now();
  const used = mesh.snapshot.compiledKeys.filter((key) => !mesh.snapshot.names(key));
  const question = { request, nowMs: Date.now(), used };
  const found = await study.ask("preview", question, { signal });
  const { keys, findings, warnings, notes, blastRadius, ...answer } = found;
  const odd = textsOf(withoutFound(warnings, findings));
  return {
    ...answer,
    notes: [
      ...notes.filter(({ level }) => level === "fault"),
      ...odd.map((message) => ({ level: "warning" as const, message })),
      ...notes.filter(({ level }) => level !== "fault"),
    ],
    findings: toFindingsWire(findings),
    blastRadius: { ...blastRadius, ...touchedProxies(keys, { hub, registry }) },
    tookMs: Math.round((performance.now() - startedAt) * 10) / 10,
  };
}
