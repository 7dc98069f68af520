import { join } from "node:path";
import { ApplyResponse, ResourcesResponse, RevisionsResponse } from "@heddle/contracts";
import type { ApiClient } from "../api/api-client.ts";
import { paths } from "../paths.ts";
import { readDocuments } from "../read-documents.ts";

const TAX_FILE = "2-tax.yaml";

/** The demo shop's documents as someone would have brought them in: one change after another, each with a reason. */
const STEPS = [
  { file: "1-legacy-billing.yaml", reason: "Name the caller that still sends plaintext" },
  { file: TAX_FILE, reason: "Name the service outside the mesh that checkout asks for taxes" },
  { file: "3-reviews.yaml", reason: "Try two new versions of reviews side by side" },
  { file: "4-payments-canary.yaml", reason: "Start payments v2 as a canary" },
  { file: "5-payments-canary-at-10.yaml", reason: "Give the canary enough traffic to judge it" },
] as const;

/** Where a service outside the mesh listens. */
export type Place = { readonly address: string; readonly port: number };

/**
 * Applies the demo shop's routes, but only to a mesh whose revisions, if any, are all of the demo: later ones are
 * the user's. So a start that was interrupted between two of them is taken up again. `tax`: where the service
 * outside the mesh is, if the load knows it; if it has moved since an earlier start, that is told at any rate.
 */
export async function applyShopDocuments(
  api: ApiClient,
  tax: Place | undefined,
  hasMoved = false,
): Promise<void> {
  const query = { limit: STEPS.length };
  const { revisions } = await api.ask(RevisionsResponse, "/revisions", { query });
  const isOurs = revisions.every(({ source }) => source === "demo");
  const all = STEPS.filter(({ file }) => tax !== undefined || file !== TAX_FILE);
  const steps = isOurs ? all.slice(revisions.length) : [];
  for (const { file, reason } of steps) await applyStep(api, file, reason, tax);
  if (
    tax !== undefined &&
    hasMoved &&
    !steps.some(({ file }) => file === TAX_FILE) &&
    (await isTaxNamed(api))
  ) {
    await applyStep(api, TAX_FILE, "Follow the tax service to another port", tax);
  }
}

async function isTaxNamed(api: ApiClient): Promise<boolean> {
  const query = { kind: "ServiceEntry", namespace: "shop", name: "tax" };
  const { resources } = await api.ask(ResourcesResponse, "/resources", { query });
  return resources.length > 0;
}

async function applyStep(
  api: ApiClient,
  file: string,
  reason: string,
  tax: Place | undefined,
): Promise<void> {
  const text = await readDocuments([join(paths.shop, "mesh", file)]);
  const yaml =
    tax === undefined
      ? text
      : text.replace("ADDRESS", tax.address).replace("PORT", String(tax.port));
  const body = { yaml, reason, source: "demo" };
  await api.ask(ApplyResponse, "/apply", { method: "POST", body });
}
