"use client";

import { HoldResponse, HoldsResponse } from "@heddle/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { apiPath, getJson, postJson } from "../../lib/api-client.ts";
import { ApiError } from "../../lib/api-error.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { markConfigStale } from "../../lib/queries/use-change-events.ts";
import { useToast } from "../../ui/toast.tsx";

/** Holds come and go by event (`useChangeEvents`); the slow poll mends what a lost event would leave stale. */
const MEND_EVERY_MS = 15_000;

/** Updates of the registry that wait for a yes. */
export function useHolds() {
  return useQuery({
    queryKey: queryKeys.holds,
    queryFn: async ({ signal }): Promise<HoldsResponse> => {
      try {
        return await getJson("/holds", HoldsResponse, signal);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
        return { holds: [], maxLossPercent: 100 }; // a control plane of before holds nothing
      }
    },
    refetchInterval: MEND_EVERY_MS,
  });
}

/** Lets the held endpoints go (`confirm`), or keeps them and asks no more (`dismiss`). */
export function useAnswerHold() {
  const client = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: ({ id, answer }: { id: string; answer: "confirm" | "dismiss" }) =>
      postJson(apiPath(["holds", id, answer]), { source: "console" }, HoldResponse),
    onSuccess: ({ words }) => toast({ text: words }),
    onError: (error) => toast({ text: `Nothing was decided. ${error.message}`, tone: "bad" }),
    onSettled: () => {
      markConfigStale(client);
      void client.invalidateQueries({ queryKey: queryKeys.holds });
    },
  });
}
