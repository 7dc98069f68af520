import { join } from "node:path";
import { ApplyResponse, RevisionsResponse } from "@heddle/contracts";
import type { ApiClient } from "../api/api-client.ts";
import { paths } from "../paths.ts";
import { readDocuments } from "../read-documents.ts";

/** The demo shop's documents as someone would have brought them in: one change after another, each with a reason. */
const STEPS = [
  { file: "1-legacy-billing.yaml", reason: "Name the caller that still sends plaintext" },
  { file: "2-reviews.yaml", reason: "Try two new versions of reviews side by side" },
  { file: "3-payments-canary.yaml", reason: "Start payments v2 as a canary" },
  { file: "4-payments-canary-at-10.yaml", reason: "Give the canary enough traffic to judge it" },
] as const;

/**
 * Applies the demo shop's routes, but only to a mesh whose revisions, if any, are all of the demo: later ones are
 * the user's. So a start that was interrupted between two of them is taken up again.
 */
export async function applyShopDocuments(api: ApiClient): Promise<void> {
  const query = { limit: STEPS.length };
  const { revisions } = await api.ask(RevisionsResponse, "/revisions", { query });
  if (revisions.some(({ source }) => source !== "demo")) return;
  for (const { file, reason } of STEPS.slice(revisions.length)) {
    const yaml = await readDocuments([join(paths.shop, "mesh", file)]);
    const body = { yaml, reason, source: "demo" };
    await api.ask(ApplyResponse, "/apply", { method: "POST", body });
  }
}
