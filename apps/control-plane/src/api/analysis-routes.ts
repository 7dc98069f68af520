import {
  AnalysisResponse,
  AnalyzeRequest,
  AnalyzeResponse,
  FindingSeverity,
  type Finding as FindingWire,
} from "@heddle/contracts";
import { countFindings, type Finding, SEVERITIES } from "@heddle/resources";
import { z } from "zod";
import { ApiRoutes } from "./api-routes.ts";
import { readBody, readQuery, requireSomewhere } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { STUDY_REFUSALS } from "./refusals.ts";

/** More than anybody reads; the counts tell of all. */
const MAX_FINDINGS = 1000;

const AnalysisQuery = z.object({
  namespace: z.string().max(63).optional(),
  /** Findings of this severity and worse. */
  severity: FindingSeverity.optional(),
});

/** Mistakes in the documents as they stand, and in documents before they are applied. */
export function analysisRoutes({ study }: ApiParts) {
  return new ApiRoutes()
    .get(
      "/analysis",
      {
        summary: "List what is wrong or odd about the documents in force",
        description: "Errors first. docs/findings.md explains each code.",
        role: "viewer",
        query: AnalysisQuery,
        answer: AnalysisResponse,
        refusals: STUDY_REFUSALS,
      },
      async (context) => {
        const { namespace, severity } = readQuery(context, AnalysisQuery);
        const question = { nowMs: Date.now() };
        const { revision, findings } = await study.ask("analyze-mesh", question);
        const worst = SEVERITIES.indexOf(severity ?? "info");
        const wanted = findings.filter(
          (one) =>
            (namespace ?? one.subject.namespace) === one.subject.namespace &&
            SEVERITIES.indexOf(one.severity) <= worst,
        );
        const counts = countFindings(wanted);
        const answer: AnalysisResponse = { revision, counts, findings: toFindingsWire(wanted) };
        return context.json(answer);
      },
    )
    .post(
      "/analyze",
      {
        summary: "Say what is wrong or odd about documents, held against the mesh as it is",
        description: "Changes nothing. Findings are of the given documents alone.",
        role: "viewer",
        body: AnalyzeRequest,
        answer: AnalyzeResponse,
        refusals: STUDY_REFUSALS,
      },
      async (context) => {
        context.set("audit", { isQuestion: true });
        requireSomewhere(context.get("principal"), "viewer");
        const { files, namespace } = await readBody(context, AnalyzeRequest);
        const question = { files, namespace, nowMs: Date.now() };
        const { signal } = context.req.raw;
        const found = await study.ask("analyze-files", question, { signal });
        const { revision, documents, findings } = found;
        const counts = countFindings(findings);
        const told = toFindingsWire(findings);
        const answer: AnalyzeResponse = { revision, documents, counts, findings: told };
        return context.json(answer);
      },
    );
}

/** As the contract has them, a thousand at most. */
export function toFindingsWire(findings: readonly Finding[]): FindingWire[] {
  return findings.slice(0, MAX_FINDINGS).map(({ subject, fix, ...rest }) => ({
    ...rest,
    subject: { ...subject },
    ...(fix === undefined ? {} : { fix: toFixWire(fix) }),
  }));
}

function toFixWire({ title, edits }: NonNullable<Finding["fix"]>) {
  return { title, edits: edits.map(({ path, value }) => ({ path: [...path], value })) };
}
