import { DriftReport, DriftResponse } from "@heddle/contracts";
import { findDrift, saveDrift } from "@heddle/store";
import { ApiRoutes } from "./api-routes.ts";
import { readBody, requireSomewhere } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { DATABASE_AWAY } from "./refusals.ts";

/** How the documents differ from a git repository, as whoever has that repository reported it. */
export function driftRoutes({ db, config, feed }: ApiParts) {
  const answer = async (): Promise<DriftResponse> => {
    const stored = await findDrift(db);
    const report = DriftReport.safeParse(stored?.report).data;
    if (!stored || !report) return {};
    const { source: _, ...told } = report;
    const { reportedAtMs, reportedBy, revision } = stored;
    return { report: { ...told, reportedAtMs, reportedBy, revision } };
  };
  return new ApiRoutes()
    .get(
      "/drift",
      {
        summary: "Show the newest report of how a git repository and the documents differ",
        role: "viewer",
        answer: DriftResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => context.json(await answer()),
    )
    .put(
      "/drift",
      {
        summary: "Report how a git repository and the documents differ",
        description: "The control plane itself never reads git, and has no credentials for it.",
        role: "operator",
        body: DriftReport,
        answer: DriftResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const principal = context.get("principal");
        requireSomewhere(principal, "operator");
        const report = await readBody(context, DriftReport);
        context.set("audit", { target: report.repository });
        const reportedAtMs = Date.now();
        const { revision } = config.snapshot;
        await saveDrift(db, { reportedAtMs, reportedBy: principal.name, revision, report });
        feed.noteEffects();
        return context.json(await answer());
      },
    );
}
