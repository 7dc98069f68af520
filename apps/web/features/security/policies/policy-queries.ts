"use client";

import {
  ApplyResponse,
  ObservedCallsResponse,
  PoliciesResponse,
  type SuggestRequest,
  SuggestResponse,
} from "@heddle/contracts";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { z } from "zod";
import { apiPath, getJson, postJson, putJson } from "../../../lib/api-client.ts";
import { queryKeys } from "../../../lib/queries/query-keys.ts";
import { markConfigStale } from "../../../lib/queries/use-change-events.ts";
import { useToast } from "../../../ui/toast.tsx";

/** Policies change by event (`useChangeEvents`); the slow poll mends what a lost event would leave stale. */
const MEND_EVERY_MS = 15_000;

/** Every document that says who may call whom, and whom it holds for. */
export function usePolicies() {
  return useQuery({
    queryKey: queryKeys.policies,
    queryFn: ({ signal }) => getJson("/policies", PoliciesResponse, signal),
    refetchInterval: MEND_EVERY_MS,
    placeholderData: keepPreviousData,
  });
}

/** Who called whom in the window, for policies made from traffic. */
export function useObservedCalls(namespace: string | undefined, windowMs: number) {
  return useQuery({
    queryKey: ["observed-calls", namespace, windowMs],
    queryFn: ({ signal }) =>
      getJson(apiPath(["observed-calls"], { namespace, windowMs }), ObservedCallsResponse, signal),
    staleTime: 60_000, // a review is read, not watched
  });
}

/** The rules that would let a denied request pass, or that traffic needs. Asking changes nothing. */
export function useSuggestion(key: string, request: z.input<typeof SuggestRequest> | undefined) {
  return useQuery({
    queryKey: ["suggestion", key],
    queryFn: () => postJson("/policies/suggest", request, SuggestResponse),
    enabled: request !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0, // the next look must see the documents as they stand then
    placeholderData: keepPreviousData,
  });
}

/** Turns an AuthorizationPolicy's shadow mode on or off. */
export function useSetShadow(namespace: string, name: string) {
  const client = useQueryClient();
  const toast = useToast();
  const mutation = useMutation({
    mutationFn: (isShadow: boolean) =>
      putJson(
        apiPath(["policies", namespace, name, "shadow"]),
        { isShadow, source: "console" },
        ApplyResponse,
      ),
    onSuccess: (_, isShadow) => {
      markConfigStale(client);
      toast({
        text: isShadow ? `${name} only counts now.` : `${name} is enforced.`,
        act: { label: "Undo", run: () => mutation.mutate(!isShadow) },
      });
    },
  });
  return mutation;
}
