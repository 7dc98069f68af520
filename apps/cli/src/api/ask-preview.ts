import { PreviewResponse } from "@heddle/contracts";
import type { DocumentsToSend } from "../read-documents.ts";
import type { ApiClient } from "./api-client.ts";

/** What applying these documents would do. */
export function askPreview(
  api: ApiClient,
  documents: DocumentsToSend,
  windowMs: number,
): Promise<PreviewResponse> {
  const body = { ...documents, windowMs };
  return api.ask(PreviewResponse, "/preview", { method: "POST", body });
}
