"use client";

import { ApplyResponse, type SuggestedDocument } from "@heddle/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { apiPath, deleteJson, postJson } from "../../../lib/api-client.ts";
import { formatCounted } from "../../../lib/numbers.ts";
import { markConfigStale } from "../../../lib/queries/use-change-events.ts";
import { useToast } from "../../../ui/toast.tsx";

type Suggested = readonly SuggestedDocument[];

/** Applies suggested documents in one revision, if they stand as they stood when they were read; can be taken back. */
export function useApplySuggestion(reason: string) {
  const client = useQueryClient();
  const toast = useToast();
  const undo = useMutation({
    mutationFn: (documents: Suggested) => takeBack(documents, reason),
    onSettled: () => markConfigStale(client),
    onSuccess: () => toast({ text: "Taken back: the rules are as they were." }),
    onError: (error) => toast({ text: `Not taken back. ${error.message}`, tone: "bad" }),
  });
  return useMutation({
    mutationFn: (documents: Suggested) =>
      postJson(
        "/apply",
        {
          yaml: documents.map(({ yaml }) => yaml).join("\n---\n"),
          reason,
          source: "console",
          expected: documents.map(({ kind, namespace, name, revision }) => ({
            kind,
            namespace,
            name,
            revision,
          })),
        },
        ApplyResponse,
      ),
    onSuccess: ({ revision, propagation }, documents) => {
      markConfigStale(client);
      const spread = propagation
        ? ` on ${propagation.proxiesAcked} of ${propagation.proxiesTotal} proxies`
        : "";
      toast({
        text: `${formatCounted(documents.length, "policy", "policies")} applied as revision ${revision}${spread}.`,
        act: { label: "Undo", run: () => undo.mutate(documents) },
      });
    },
  });
}

/** What was there comes back, what was new goes; what others have changed meanwhile stays. */
async function takeBack(documents: Suggested, reason: string): Promise<void> {
  const former = documents.flatMap(({ before }) => before ?? []);
  const undoing = `Undo: ${reason}`;
  if (former.length > 0) {
    const yaml = former.join("\n---\n");
    await postJson("/apply", { yaml, reason: undoing, source: "console" }, ApplyResponse);
  }
  for (const { kind, namespace, name, before } of documents) {
    if (before !== undefined) continue;
    const query = { reason: undoing, source: "console" };
    await deleteJson(apiPath(["resources", kind, namespace, name], query), ApplyResponse);
  }
}
