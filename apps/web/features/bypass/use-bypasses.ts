"use client";

import {
  BypassesResponse,
  type BypassRequest,
  BypassResponse,
  type BypassTarget,
} from "@heddle/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { apiPath, deleteJson, getJson, postJson } from "../../lib/api-client.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { markConfigStale } from "../../lib/queries/use-change-events.ts";
import { useToast } from "../../ui/toast.tsx";

/** They end by themselves, without an event of their own. */
const MEND_EVERY_MS = 15_000;

/** Who is off the mesh's rules now, and until when. */
export function useBypasses() {
  return useQuery({
    queryKey: queryKeys.bypasses,
    queryFn: ({ signal }) => getJson("/bypasses", BypassesResponse, signal),
    refetchInterval: MEND_EVERY_MS,
    retry: false,
  });
}

/** Takes a target off the rules for a while; says until when, and offers the way back. */
export function useBypass() {
  const client = useQueryClient();
  const toast = useToast();
  const end = useEndBypass();
  return useMutation({
    mutationFn: (request: {
      readonly target: BypassTarget;
      readonly forMs: BypassRequest["forMs"];
      readonly reason: string;
    }) =>
      postJson(
        "/bypasses",
        {
          target: request.target,
          forMs: request.forMs,
          source: "console",
          ...(request.reason !== "" && { reason: request.reason }),
        },
        BypassResponse,
      ),
    onSuccess: ({ bypass }) => {
      markConfigStale(client);
      if (bypass === undefined) return;
      toast({
        text: `Off the rules: ${bypass.summary}`,
        tone: "warn",
        act: { label: "Undo", run: () => end.mutate(bypass) },
      });
    },
  });
}

export function useEndBypass() {
  const client = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: ({ namespace, name }: { readonly namespace: string; readonly name: string }) =>
      deleteJson(apiPath(["bypasses", namespace, name], { source: "console" }), BypassResponse),
    onSuccess: () => toast({ text: "The rules hold again." }),
    onError: (error) => toast({ text: `The bypass goes on. ${error.message}`, tone: "bad" }),
    onSettled: () => markConfigStale(client),
  });
}
