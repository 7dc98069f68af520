"use client";

import { DenialsResponse, type WhyRequest, WhyResponse } from "@heddle/contracts";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { z } from "zod";
import { apiPath, getJson, postJson } from "../../../lib/api-client.ts";
import { queryKeys } from "../../../lib/queries/query-keys.ts";

const DENIALS_EVERY_MS = 3000;
const MOST_DENIALS = 500;

/** Who was not let in, or would not have been, by caller, rule and kind of request. */
export function useDenials(windowMs: number) {
  return useQuery({
    queryKey: queryKeys.denials(windowMs),
    queryFn: ({ signal }) =>
      getJson(apiPath(["denials"], { windowMs, limit: MOST_DENIALS }), DenialsResponse, signal),
    refetchInterval: DENIALS_EVERY_MS,
    placeholderData: keepPreviousData,
  });
}

/** What the rules in force say now of such a request; nothing is sent. */
export function useWhy(request: z.input<typeof WhyRequest> | undefined) {
  return useQuery({
    queryKey: ["why", request],
    queryFn: () => postJson("/why", request, WhyResponse),
    enabled: request !== undefined,
    refetchInterval: 5000, // a rule that is changed meanwhile changes the answer
  });
}
