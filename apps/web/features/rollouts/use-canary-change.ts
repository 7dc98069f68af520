"use client";

import { type Canary, CanaryChangeResponse } from "@heddle/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { apiPath, postJson } from "../../lib/api-client.ts";
import { markConfigStale } from "../../lib/queries/use-change-events.ts";

/** The event that started an act; its time stamp is the click as the browser took it. */
export interface Click {
  readonly timeStamp: number;
}

/** What a rollback did, kept while its revision is the last word on the split. */
export function useRollbackOutcome(canary: Canary): CanaryChangeResponse | undefined {
  const client = useQueryClient();
  const queryKey = outcomeKey(canary);
  const { data } = useQuery<CanaryChangeResponse | null>({
    queryKey,
    queryFn: () => client.getQueryData<CanaryChangeResponse>(queryKey) ?? null,
    enabled: false, // written by the act alone
    gcTime: Number.POSITIVE_INFINITY,
  });
  return data != null && data.revision >= canary.revision ? data : undefined;
}

/** Sends every request back to the stable version, and keeps what was measured. */
export function useRollback(canary: Canary) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (click: Click) =>
      postJson(
        canaryPath(canary, "rollback"),
        { sinceClickMs: sinceMs(click), source: "console" },
        CanaryChangeResponse,
      ),
    onSuccess: (outcome) => {
      client.setQueryData(outcomeKey(canary), outcome);
      markConfigStale(client);
    },
  });
}

/** Gives the canary another share of the traffic. */
export function useSetWeight(canary: Canary) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ canaryPercent, click }: { canaryPercent: number; click?: Click }) =>
      postJson(
        canaryPath(canary, "weight"),
        {
          canaryPercent,
          source: "console",
          ...(click === undefined ? {} : { sinceClickMs: sinceMs(click) }),
        },
        CanaryChangeResponse,
      ),
    onSuccess: () => {
      client.setQueryData(outcomeKey(canary), null);
      markConfigStale(client);
    },
  });
}

function outcomeKey({ namespace, service }: Canary) {
  return ["rollback-outcome", namespace, service] as const;
}

function canaryPath({ namespace, service }: Canary, act: "weight" | "rollback"): string {
  return apiPath(["canaries", namespace, service, act]);
}

/** Event time stamps and `performance.now()` share one origin (High Resolution Time §4). */
function sinceMs(click: Click): number {
  return Math.max(0, performance.now() - click.timeStamp);
}
