"use client";

import { RestoreResponse } from "@heddle/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { apiPath, postJson } from "../../lib/api-client.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { markConfigStale } from "../../lib/queries/use-change-events.ts";
import { formatDuration } from "../../lib/times.ts";
import { useToast } from "../../ui/toast.tsx";

/**
 * What going back means. `mesh`: every document as after the revision; `documents`: only those it changed; `undo`: the
 * revision alone is taken back.
 */
export type RestoreMeaning = "mesh" | "documents" | "undo";

/** What restoring would change now, asked from the server without changing anything. */
export function useRestorePreview({ revision, meaning, newest }: WayBack, isWanted: boolean) {
  return useQuery({
    queryKey: queryKeys.restorePreview(revision, meaning, newest),
    queryFn: () => restore({ revision, meaning }, true),
    enabled: isWanted,
  });
}

type WayBack = {
  readonly revision: number;
  readonly meaning: RestoreMeaning;
  readonly newest: number;
};

/** Goes back as a new revision; ends in a toast that can undo it. */
export function useRestore() {
  const client = useQueryClient();
  const toast = useToast();
  const mutation = useMutation({
    mutationFn: (way: WayBack) => restore(way, false),
    onSuccess: (answer, { revision }) => {
      markConfigStale(client);
      if (answer.revision === 0) {
        toast({ text: `Nothing to restore: everything stands as it did at ${revision}.` });
        return;
      }
      toast({
        text: `Done as revision ${answer.revision}${spreadWords(answer)}.`,
        act: {
          label: "Undo",
          run: () =>
            mutation.mutate({
              revision: answer.revision,
              meaning: "undo",
              newest: answer.revision,
            }),
        },
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

function restore({ revision, meaning }: Pick<WayBack, "revision" | "meaning">, dryRun: boolean) {
  const body = { ...MEANINGS[meaning], dryRun, source: "console" };
  return postJson(apiPath(["revisions", String(revision), "restore"]), body, RestoreResponse);
}

function spreadWords({ propagation }: RestoreResponse): string {
  if (propagation === undefined) return "";
  const { proxiesAcked, proxiesTotal, ackedAfterMs } = propagation;
  const time = ackedAfterMs === undefined ? "" : ` in ${formatDuration(Math.round(ackedAfterMs))}`;
  return `, ${proxiesAcked} of ${proxiesTotal} proxies${time}`;
}
