"use client";

import { LadderResponse, MtlsGuardsResponse, PreflightResponse } from "@heddle/contracts";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { apiPath, getJson } from "../api-client.ts";
import { queryKeys } from "./query-keys.ts";

/** Callers come and go by the second; what they sent is folded each second. A long window costs its sum each time. */
const CALLERS_EVERY_MS = 2000;
const LONG_WINDOW_EVERY_MS = 5000;
const LONG_WINDOW_MS = 21_600_000;
/** A guard's end comes by event (`useChangeEvents`); while one runs its refusals are counted on screen. */
const RUNNING_GUARD_EVERY_MS = 1000;
const MEND_EVERY_MS = 15_000;

/** How far each workload is on its way to STRICT, with who is in the way, seen over the window. */
export function useLadder(namespace: string | undefined, windowMs: number) {
  return useQuery({
    queryKey: queryKeys.ladder(namespace, windowMs),
    queryFn: ({ signal }) =>
      getJson(apiPath(["mtls", "ladder"], { namespace, windowMs }), LadderResponse, signal),
    refetchInterval: callersEveryMs(windowMs),
    placeholderData: keepPreviousData,
  });
}

/** Who sends what STRICT refuses: to one workload, to a namespace's, or (without target) to anyone. */
export function usePreflight(
  target: { readonly namespace: string; readonly workload?: string } | undefined,
  windowMs: number,
) {
  return useQuery({
    queryKey: queryKeys.preflight(
      target && `${target.namespace}/${target.workload ?? ""}`,
      windowMs,
    ),
    queryFn: ({ signal }) =>
      getJson(apiPath(["mtls", "preflight"], { ...target, windowMs }), PreflightResponse, signal),
    refetchInterval: callersEveryMs(windowMs),
    placeholderData: keepPreviousData,
  });
}

function callersEveryMs(windowMs: number): number {
  return windowMs < LONG_WINDOW_MS ? CALLERS_EVERY_MS : LONG_WINDOW_EVERY_MS;
}

/** Guarded flips: those that run, then those that ended of late. */
export function useGuards() {
  return useQuery({
    queryKey: queryKeys.guards,
    queryFn: ({ signal }) => getJson("/mtls/guards", MtlsGuardsResponse, signal),
    refetchInterval: ({ state }) =>
      state.data?.guards.some(({ status }) => status === "running")
        ? RUNNING_GUARD_EVERY_MS
        : MEND_EVERY_MS,
  });
}
