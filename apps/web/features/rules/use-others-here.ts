"use client";

import { PresenceResponse } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { postJson } from "../../lib/api-client.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";

/** The control plane takes a page for left that has not said so for 45 s. */
const SAY_EVERY_MS = 20_000;

/** Says that this page shows a subject, for as long as it does, and tells who else has it open. */
export function useOthersHere(subject: string): PresenceResponse["others"] {
  const [page] = useState(() => crypto.randomUUID());
  useEffect(() => {
    const leave = () => {
      // A page that goes away waits for no answer; should this be lost, the others learn it after 45 s.
      void fetch("/api/v1/presence", {
        method: "POST",
        keepalive: true,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ subject, page, isLeft: true }),
      }).catch(() => undefined);
    };
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, [subject, page]);
  const { data } = useQuery({
    queryKey: queryKeys.presence(subject),
    queryFn: ({ signal }) => postJson("/presence", { subject, page }, PresenceResponse, signal),
    refetchInterval: SAY_EVERY_MS,
    retry: false,
    gcTime: 0,
  });
  return data?.others ?? [];
}
