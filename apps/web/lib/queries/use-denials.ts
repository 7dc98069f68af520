"use client";

import { DenialsResponse } from "@heddle/contracts";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { apiPath, getJson } from "../api-client.ts";
import { queryKeys } from "./query-keys.ts";

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
