"use client";

import {
  AnalysisResponse,
  AnalyzeResponse,
  ApplyResponse,
  MergeResponse,
  PreviewResponse,
  type ResourceDocument,
  ResourcesResponse,
} from "@heddle/contracts";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { apiPath, deleteJson, getJson, postJson } from "../../lib/api-client.ts";
import { ApiError } from "../../lib/api-error.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { markConfigStale } from "../../lib/queries/use-change-events.ts";
import type { RuleRef } from "./rule-ref.ts";

/** Documents change by event (`useChangeEvents`); the slow poll mends what a lost event would leave stale. */
const MEND_EVERY_MS = 15_000;

/** Every document as it stands. */
export function useResources() {
  return useQuery({
    queryKey: queryKeys.resources,
    queryFn: ({ signal }) => getJson("/resources", ResourcesResponse, signal),
    refetchInterval: MEND_EVERY_MS,
    placeholderData: keepPreviousData,
  });
}

/** One document as it stands; `null`: there is none. */
export function useRule(ref: RuleRef | undefined) {
  return useQuery({
    queryKey: [...queryKeys.resources, ref?.kind, ref?.namespace, ref?.name],
    queryFn: async ({ signal }): Promise<ResourceDocument | null> => {
      const query = { ...ref };
      const { resources } = await getJson(apiPath(["resources"], query), ResourcesResponse, signal);
      return resources[0] ?? null;
    },
    refetchInterval: MEND_EVERY_MS,
    enabled: ref !== undefined,
  });
}

/** What is wrong or odd about the documents as they stand. */
export function useAnalysis() {
  return useQuery({
    queryKey: queryKeys.analysis,
    queryFn: ({ signal }) => getJson("/analysis", AnalysisResponse, signal),
    refetchInterval: MEND_EVERY_MS,
    placeholderData: keepPreviousData,
    retry: false,
  });
}

/** How far back the simulation looks. */
export const PREVIEW_WINDOWS_MS = [300_000, 3_600_000] as const;

/** What a draft would do, asked anew when it has changed; the answer before stays while the next is under way. */
export function usePreview(yaml: string | undefined, windowMs: number) {
  return useQuery({
    queryKey: ["rule-preview", yaml, windowMs],
    queryFn: ({ signal }) => postJson("/preview", { yaml, windowMs }, PreviewResponse, signal),
    enabled: yaml !== undefined,
    staleTime: 30_000, // traffic goes on; a draft looked at again after a while is asked about again
    gcTime: 60_000,
    placeholderData: keepPreviousData,
    // Who types fast asks more often than is answered: the question waits, it does not fail.
    retry: (count, error) => count < 5 && error instanceof ApiError && error.status === 429,
    retryDelay: 1200,
  });
}

/** What is wrong or odd about a draft, together with all else in the mesh. */
export function useDraftAnalysis(text: string | undefined, namespace: string) {
  return useQuery({
    queryKey: ["rule-analysis", text, namespace],
    queryFn: ({ signal }) =>
      postJson(
        "/analyze",
        { files: [{ name: "draft.yaml", text }], namespace },
        AnalyzeResponse,
        signal,
      ),
    enabled: text !== undefined,
    staleTime: 30_000,
    gcTime: 60_000,
    placeholderData: keepPreviousData,
    retry: false,
  });
}

/** The revision a document is expected to stand at. */
export type ExpectedRule = RuleRef & { readonly revision: number };

export interface ApplyDraft {
  readonly yaml: string;
  readonly reason: string;
  /** What the draft was begun from; 0: the document must not exist yet. */
  readonly expected: readonly ExpectedRule[];
  readonly acceptEndpointLoss?: boolean;
  /** The review it ends. */
  readonly review?: string;
}

/** Applies a draft if nobody has changed the document since; fails with 409 otherwise. */
export function useApplyDraft() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ yaml, reason, expected, acceptEndpointLoss, review }: ApplyDraft) =>
      postJson(
        "/apply",
        {
          yaml,
          ...(reason !== "" && { reason }),
          source: "console",
          expected,
          ...(review !== undefined && { review }),
          ...(acceptEndpointLoss === true && { acceptEndpointLoss }),
        },
        ApplyResponse,
      ),
    onSuccess: () => markConfigStale(client),
  });
}

export function useDeleteRule() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({
      kind,
      namespace,
      name,
      reason,
      acceptEndpointLoss,
    }: RuleRef & { readonly reason: string; readonly acceptEndpointLoss: boolean }) =>
      deleteJson(
        apiPath(["resources", kind, namespace, name], {
          source: "console",
          reason: reason === "" ? undefined : reason,
          acceptEndpointLoss: acceptEndpointLoss ? "true" : undefined,
        }),
        ApplyResponse,
      ),
    onSuccess: () => markConfigStale(client),
  });
}

/** What a draft and what others have changed meanwhile come to together. */
export function askMerge(yaml: string, expected: readonly ExpectedRule[]): Promise<MergeResponse> {
  return postJson("/merge", { yaml, expected }, MergeResponse);
}
