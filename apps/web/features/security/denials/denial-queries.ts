"use client";

import { type WhyRequest, WhyResponse } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import type { z } from "zod";
import { postJson } from "../../../lib/api-client.ts";

/** What the rules in force say now of such a request; nothing is sent. */
export function useWhy(request: z.input<typeof WhyRequest> | undefined) {
  return useQuery({
    queryKey: ["why", request],
    queryFn: () => postJson("/why", request, WhyResponse),
    enabled: request !== undefined,
    refetchInterval: 5000, // a rule that is changed meanwhile changes the answer
  });
}
