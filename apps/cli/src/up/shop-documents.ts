import { join } from "node:path";
import { ApplyResponse, StatusResponse } from "@heddle/contracts";
import type { ApiClient } from "../api/api-client.ts";
import { paths } from "../paths.ts";
import { readDocuments } from "../read-documents.ts";

/** Applies the demo shop's routes, but only to a mesh that has no revision yet: later ones are the user's. */
export async function applyShopDocuments(api: ApiClient): Promise<void> {
  const { revision } = await api.ask(StatusResponse, "/status");
  if (revision > 0) return;
  const yaml = await readDocuments([join(paths.shop, "mesh")]);
  await api.ask(ApplyResponse, "/apply", {
    method: "POST",
    body: { yaml, reason: "The demo shop's routes", source: "demo" },
  });
}
