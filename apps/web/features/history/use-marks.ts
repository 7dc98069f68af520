"use client";

import { CommentsResponse, RevisionComment, RevisionMarks } from "@heddle/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { apiPath, deleteJson, getJson, postJson, putJson } from "../../lib/api-client.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { useToast } from "../../ui/toast.tsx";

export type MarkAct =
  | { readonly kind: "pin"; readonly isPinned: boolean }
  | { readonly kind: "name"; readonly name: string | null }
  | { readonly kind: "comment"; readonly text: string }
  | { readonly kind: "delete-comment"; readonly id: string };

export function useComments(revision: number) {
  return useQuery({
    queryKey: queryKeys.comments(revision),
    queryFn: ({ signal }) =>
      getJson(apiPath(["revisions", String(revision), "comments"]), CommentsResponse, signal),
  });
}

/** Pins, names and comments on a revision; what shows them is asked anew. */
export function useMark(revision: number) {
  const client = useQueryClient();
  const toast = useToast();
  return useMutation<unknown, Error, MarkAct>({
    mutationFn: (act) => send(revision, act),
    onSuccess: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: queryKeys.revisions }),
        client.invalidateQueries({ queryKey: queryKeys.revision(revision) }),
      ]);
    },
    onError: (error) => toast({ text: error.message, tone: "bad" }),
  });
}

function send(revision: number, act: MarkAct): Promise<unknown> {
  const path = (...more: string[]) => apiPath(["revisions", String(revision), ...more]);
  if (act.kind === "pin") return putJson(path("pin"), { isPinned: act.isPinned }, RevisionMarks);
  if (act.kind === "name") return putJson(path("name"), { name: act.name }, RevisionMarks);
  if (act.kind === "comment")
    return postJson(path("comments"), { text: act.text }, RevisionComment);
  return deleteJson(path("comments", act.id), CommentsResponse);
}
