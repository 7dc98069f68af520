"use client";

import {
  CanariesResponse,
  GraphSnapshot,
  ProxiesResponse,
  WorkloadsResponse,
} from "@heddle/contracts";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { apiPath, getJson } from "../api-client.ts";
import { queryKeys } from "./query-keys.ts";

/** Lists change by event (`useChangeEvents`); the slow poll mends what a lost event would leave stale. */
const MEND_EVERY_MS = 15_000;
/** The collector folds each second; pages beside the graph need it less often. */
const SIGNALS_EVERY_MS = 2000;

export function useWorkloads() {
  return useQuery({
    queryKey: queryKeys.workloads,
    queryFn: ({ signal }) => getJson("/workloads", WorkloadsResponse, signal),
    refetchInterval: MEND_EVERY_MS,
  });
}

export function useProxies() {
  return useQuery({
    queryKey: queryKeys.proxies,
    queryFn: ({ signal }) => getJson("/proxies", ProxiesResponse, signal),
    refetchInterval: 5000, // acks come without an event
  });
}

export function useCanaries() {
  return useQuery({
    queryKey: queryKeys.canaries,
    queryFn: ({ signal }) => getJson("/canaries", CanariesResponse, signal),
    refetchInterval: MEND_EVERY_MS,
  });
}

/** The workload graph over the window, asked again every 2 s. */
export function useGraph(windowMs: number) {
  return useQuery({
    queryKey: queryKeys.graph(windowMs, "workload"),
    queryFn: ({ signal }) =>
      getJson(apiPath(["graph"], { windowMs, view: "workload" }), GraphSnapshot, signal),
    refetchInterval: SIGNALS_EVERY_MS,
    placeholderData: keepPreviousData,
  });
}
