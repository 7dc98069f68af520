"use client";

import { ChangeEvent } from "@heddle/contracts";
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import type { StreamState } from "../stream-state.ts";
import { useEventStream } from "../use-event-stream.ts";
import { queryKeys } from "./query-keys.ts";

/**
 * Hears of each change in the mesh and marks the answers it made stale, so that pages mend without reload. After a
 * gap in the stream all of them count as stale.
 */
export function useChangeEvents(): StreamState {
  const client = useQueryClient();
  return useEventStream({
    path: "/events",
    event: "change",
    schema: ChangeEvent,
    onMessage: (event) => {
      if (event.type === "observations") markTrafficStale(client);
      else if (event.type === "effects") markHistoryStale(client);
      else if (event.type === "guards") void client.invalidateQueries({ queryKey: ["mtls"] });
      else if (event.type === "reviews") markReviewsStale(client);
      else if (event.type === "pushes") markPushesStale(client);
      else if (event.type === "presence") {
        void client.invalidateQueries({ queryKey: queryKeys.presence(event.subject) });
      } else if (event.type === "revision") markConfigStale(client);
      else markRegistryStale(client);
    },
    onOpen: () => {
      markConfigStale(client);
      markRegistryStale(client);
      markReviewsStale(client);
    },
  });
}

/** After an act of our own: do not wait for the event to come round. */
export function markConfigStale(client: QueryClient): void {
  const { canaries, revisions, workloads, policies, resources, analysis, bypasses } = queryKeys;
  const stale = [canaries, revisions, workloads, policies, resources, analysis, bypasses, ["mtls"]];
  for (const queryKey of stale) {
    void client.invalidateQueries({ queryKey });
  }
  void client.invalidateQueries({ queryKey: queryKeys.proxies });
  void client.invalidateQueries({ queryKey: queryKeys.pushes });
  markTrafficStale(client);
}

/** Revisions were judged, pinned, named or commented on: the list and what is open of it. */
function markHistoryStale(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: queryKeys.revisions });
  void client.invalidateQueries({ queryKey: ["revision"] });
}

function markReviewsStale(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: queryKeys.reviews });
}

/** A canaried push began, went on or ended: what it says of its proxies and revisions, too. */
function markPushesStale(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: queryKeys.pushes });
  void client.invalidateQueries({ queryKey: queryKeys.proxies });
  void client.invalidateQueries({ queryKey: queryKeys.revisions });
}

function markTrafficStale(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: queryKeys.trafficFeatures });
  void client.invalidateQueries({ queryKey: ["endpoints"] });
}

function markRegistryStale(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: ["endpoints"] });
  void client.invalidateQueries({ queryKey: queryKeys.workloads });
  void client.invalidateQueries({ queryKey: queryKeys.proxies });
  void client.invalidateQueries({ queryKey: queryKeys.holds });
}
