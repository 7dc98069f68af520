"use client";

import { RestoreResponse } from "@heddle/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { apiPath, postJson } from "../../lib/api-client.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { markConfigStale } from "../../lib/queries/use-change-events.ts";
import { formatDuration, formatStamp } from "../../lib/times.ts";
import { useToast } from "../../ui/toast.tsx";

/**
 * What going back means. `mesh`: every document as after the revision; `documents`: only those it changed; `undo`: the
 * revision alone is taken back.
 */
export type RestoreMeaning = "mesh" | "documents" | "undo";

/** What is gone back to: a revision, or the whole mesh as of a moment. */
export type WayBack =
  | { readonly revision: number; readonly meaning: RestoreMeaning }
  | { readonly atMs: number };

/** What going back would change now (`newest`), asked from the server without changing anything. */
export function useRestorePreview(way: WayBack | undefined, newest: number) {
  return useQuery({
    queryKey: queryKeys.restorePreview(way, newest),
    queryFn: ({ signal }) => {
      if (way === undefined) throw new Error("a preview needs something to go back to");
      return restore(way, { dryRun: true }, signal);
    },
    enabled: way !== undefined,
    retry: false,
  });
}

/** Goes back as a new revision; ends in a toast that can undo it. */
export function useRestore() {
  const client = useQueryClient();
  const toast = useToast();
  const mutation = useMutation({
    mutationFn: ({ way, reason = "" }: { readonly way: WayBack; readonly reason?: string }) =>
      restore(way, { ...(reason.trim() !== "" && { reason: reason.trim() }) }),
    onSuccess: (answer, { way }) => {
      markConfigStale(client);
      if (answer.revision === 0) {
        const then = "atMs" in way ? `at ${formatStamp(way.atMs)}` : `at ${way.revision}`;
        toast({ text: `Nothing to restore: everything stands as it did ${then}.` });
        return;
      }
      const undo: WayBack = { revision: answer.revision, meaning: "undo" };
      toast({
        text: `Done as revision ${answer.revision}${spreadWords(answer)}.`,
        act: { label: "Undo", run: () => mutation.mutate({ way: undo }) },
      });
    },
    onError: (error) => toast({ text: error.message, tone: "bad" }),
  });
  return mutation;
}

const MEANINGS = {
  mesh: {},
  documents: { scope: "documents" },
  undo: { scope: "documents", side: "before" },
} as const;

function restore(
  way: WayBack,
  more: { readonly dryRun?: boolean; readonly reason?: string },
  signal?: AbortSignal,
) {
  if ("atMs" in way) {
    const body = { atMs: way.atMs, source: "console", ...more };
    return postJson("/restore", body, RestoreResponse, signal);
  }
  const body = { ...MEANINGS[way.meaning], source: "console", ...more };
  const path = apiPath(["revisions", String(way.revision), "restore"]);
  return postJson(path, body, RestoreResponse, signal);
}

function spreadWords({ propagation }: RestoreResponse): string {
  if (propagation === undefined) return "";
  const { proxiesAcked, proxiesTotal, ackedAfterMs } = propagation;
  const time = ackedAfterMs === undefined ? "" : ` in ${formatDuration(Math.round(ackedAfterMs))}`;
  return `, ${proxiesAcked} of ${proxiesTotal} proxies${time}`;
}
