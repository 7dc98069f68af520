"use client";

import { EndpointsResponse, TrafficFeaturesResponse } from "@heddle/contracts";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { apiPath, getJson } from "../api-client.ts";
import { queryKeys } from "./query-keys.ts";

/** Both change by event (`useChangeEvents`); the slow poll mends what a lost event would leave stale. */
const MEND_EVERY_MS = 15_000;

/** What documents do to each service's traffic, and which breakers are open. */
export function useTrafficFeatures() {
  return useQuery({
    queryKey: queryKeys.trafficFeatures,
    queryFn: ({ signal }) => getJson("/traffic-features", TrafficFeaturesResponse, signal),
    refetchInterval: MEND_EVERY_MS,
    placeholderData: keepPreviousData,
  });
}

/** The endpoints of a service (asked for only while `isKnown`) as the control plane and the calling proxies see them. */
export function useServiceEndpoints(namespace: string, service: string, isKnown: boolean) {
  return useQuery({
    queryKey: queryKeys.endpoints(namespace, service),
    queryFn: ({ signal }) =>
      getJson(apiPath(["services", namespace, service, "endpoints"]), EndpointsResponse, signal),
    refetchInterval: MEND_EVERY_MS,
    enabled: isKnown && service !== "",
  });
}
