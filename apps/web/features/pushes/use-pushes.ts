"use client";

import { CanariedPush, PushesResponse } from "@heddle/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { apiPath, getJson, postJson } from "../../lib/api-client.ts";
import { ApiError } from "../../lib/api-error.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { markConfigStale } from "../../lib/queries/use-change-events.ts";
import { useToast } from "../../ui/toast.tsx";

/** What its first proxies count comes without an event. */
const WATCH_EVERY_MS = 2000;
const MEND_EVERY_MS = 15_000;

/** Canaried pushes, the running one first. */
export function usePushes() {
  return useQuery({
    queryKey: queryKeys.pushes,
    queryFn: async ({ signal }): Promise<PushesResponse> => {
      try {
        return await getJson("/pushes", PushesResponse, signal);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
        return { pushes: [] }; // a control plane of before pushes to all at once
      }
    },
    refetchInterval: ({ state }) =>
      state.data?.pushes.some(isRunning) === true ? WATCH_EVERY_MS : MEND_EVERY_MS,
  });
}

export function isRunning({ status }: CanariedPush): boolean {
  return status === "running";
}

/** The push a revision is part of, running or ended. */
export function usePushOf(revision: number): CanariedPush | undefined {
  return usePushes().data?.pushes.find(({ revisions }) => revisions.includes(revision));
}

/** Hands the change to all proxies now (`finish`), or takes it back from the first ones (`stop`). */
export function useEndPush() {
  const client = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: ({ id, act, reason }: { id: string; act: "finish" | "stop"; reason: string }) => {
      const body = reason.trim() === "" ? {} : { reason: reason.trim() };
      return postJson(apiPath(["pushes", id, act]), body, CanariedPush);
    },
    onSuccess: ({ words }) => toast({ text: words }),
    onError: (error) => toast({ text: `The push goes on. ${error.message}`, tone: "bad" }),
    onSettled: () => markConfigStale(client),
  });
}
