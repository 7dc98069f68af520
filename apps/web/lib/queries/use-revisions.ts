"use client";

import { RevisionDetail, RevisionsResponse } from "@heddle/contracts";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { apiPath, getJson } from "../api-client.ts";
import { queryKeys } from "./query-keys.ts";

const PAGE_SIZE = 100;

/** The history, newest first, a page at a time. */
export function useRevisionPages() {
  return useInfiniteQuery({
    queryKey: [...queryKeys.revisions, "pages"],
    queryFn: ({ pageParam, signal }) =>
      getJson(
        apiPath(["revisions"], { limit: PAGE_SIZE, before: pageParam }),
        RevisionsResponse,
        signal,
      ),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => page.nextBefore,
  });
}

/** The newest revisions that shaped one service's traffic, `namespace/name`. */
export function useServiceRevisions(service: string) {
  return useQuery({
    queryKey: [...queryKeys.revisions, "service", service],
    queryFn: ({ signal }) =>
      getJson(apiPath(["revisions"], { limit: 30, service }), RevisionsResponse, signal),
    refetchInterval: 15_000,
  });
}

export function useRevision(revision: number | undefined) {
  return useQuery({
    queryKey: queryKeys.revision(revision ?? 0),
    queryFn: ({ signal }) =>
      getJson(apiPath(["revisions", String(revision)]), RevisionDetail, signal),
    enabled: revision !== undefined,
    // Its content never changes; how many proxies run it may, for a short while after it was made.
    refetchInterval: ({ state }) => (isSpreading(state.data) ? 2000 : false),
  });
}

function isSpreading(detail: RevisionDetail | undefined): boolean {
  const propagation = detail?.propagation;
  if (propagation === undefined || propagation.nacks.length > 0) return false;
  return propagation.proxiesAcked < propagation.proxiesTotal;
}
