"use client";

import { ApplyResponse } from "@heddle/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { apiPath, postJson } from "../../lib/api-client.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { markConfigStale } from "../../lib/queries/use-change-events.ts";
import { formatDuration } from "../../lib/times.ts";
import { useToast } from "../../ui/toast.tsx";

/** What restoring would change now, asked from the server without changing anything. */
export function useRestorePreview(revision: number, newest: number, isWanted: boolean) {
  return useQuery({
    queryKey: queryKeys.restorePreview(revision, newest),
    queryFn: () => restore(revision, true),
    enabled: isWanted,
  });
}

/** Makes every document as it stood right after a revision, as a new revision; ends in a toast that can undo it. */
export function useRestore() {
  const client = useQueryClient();
  const toast = useToast();
  const mutation = useMutation({
    mutationFn: ({ revision }: { revision: number; newest: number }) => restore(revision, false),
    onSuccess: (answer, { revision, newest }) => {
      markConfigStale(client);
      if (answer.revision === 0) {
        toast({ text: `Nothing to restore: everything stands as after ${revision}.` });
        return;
      }
      toast({
        text: `Restored ${revision} as revision ${answer.revision}${spreadWords(answer)}.`,
        act: {
          label: "Undo",
          run: () => mutation.mutate({ revision: newest, newest: answer.revision }),
        },
      });
    },
    onError: (error) => toast({ text: error.message, tone: "bad" }),
  });
  return mutation;
}

function restore(revision: number, dryRun: boolean) {
  const body = { dryRun, source: "console" };
  return postJson(apiPath(["revisions", String(revision), "restore"]), body, ApplyResponse);
}

function spreadWords({ propagation }: ApplyResponse): string {
  if (propagation === undefined) return "";
  const { proxiesAcked, proxiesTotal, ackedAfterMs } = propagation;
  const time = ackedAfterMs === undefined ? "" : ` in ${formatDuration(Math.round(ackedAfterMs))}`;
  return `, ${proxiesAcked} of ${proxiesTotal} proxies${time}`;
}
