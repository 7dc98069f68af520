import { type ResourceDocument, ResourcesResponse } from "@heddle/contracts";
import type { ApiClient } from "./api-client.ts";

/** The documents that somebody has applied: those a source of the registry names are changed there alone. */
export async function askAppliedDocuments(api: ApiClient): Promise<ResourceDocument[]> {
  const { resources } = await api.ask(ResourcesResponse, "/resources");
  return resources.filter(({ origin }) => origin === undefined);
}
