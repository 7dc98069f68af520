"use client";

import { ListedProxiesResponse, ProxyConfigResponse, ProxyDetail } from "@heddle/contracts";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { z } from "zod";
import { apiPath, getJson } from "../../lib/api-client.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";

/** Acks come without an event. */
const DETAIL_EVERY_MS = 3000;
const LIST_EVERY_MS = 5000;

/** The parts one looks at one at a time. */
export type ConfigPart = Exclude<z.infer<typeof ProxyConfigResponse>["part"], "all">;

/** Every proxy with its state by kind of resource, which costs the control plane more than the bare list. */
export function useListedProxies() {
  return useQuery({
    queryKey: [...queryKeys.proxies, "by kind"],
    queryFn: ({ signal }) =>
      getJson(apiPath(["proxies"], { kinds: "true" }), ListedProxiesResponse, signal),
    refetchInterval: LIST_EVERY_MS,
    placeholderData: keepPreviousData,
  });
}

/** One proxy: what it was sent and has taken. */
export function useProxy(proxyId: string) {
  return useQuery({
    queryKey: [...queryKeys.proxies, proxyId],
    queryFn: ({ signal }) => getJson(apiPath(["proxies", proxyId]), ProxyDetail, signal),
    refetchInterval: DETAIL_EVERY_MS,
    placeholderData: keepPreviousData,
  });
}

/**
 * What the proxy says it runs. Asked once a look, since each asks the proxy itself; again when it has taken something
 * (`ackedRevision`) or by hand.
 */
export function useProxyConfig(proxyId: string, part: ConfigPart, ackedRevision: number) {
  return useQuery({
    queryKey: ["proxy-config", proxyId, part, ackedRevision],
    queryFn: ({ signal }) =>
      getJson(apiPath(["proxies", proxyId, "config"], { part }), ProxyConfigResponse, signal),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0, // the next look asks the proxy anew
    retry: false,
  });
}
