"use client";

import { type EffectVerdict, RevisionDetail, RevisionsResponse } from "@heddle/contracts";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { apiPath, getJson } from "../api-client.ts";
import { queryKeys } from "./query-keys.ts";

const PAGE_SIZE = 100;

/** What only the server can tell of all revisions, not only of those that are loaded. */
export type RevisionQuery = {
  readonly effect?: EffectVerdict | undefined;
  readonly isPinned?: boolean | undefined;
};

/** The history, newest first, a page at a time. */
export function useRevisionPages({ effect, isPinned }: RevisionQuery = {}) {
  const pinned = isPinned === true ? "true" : undefined;
  return useInfiniteQuery({
    queryKey: [...queryKeys.revisions, "pages", effect, pinned],
    queryFn: ({ pageParam, signal }) =>
      getJson(
        apiPath(["revisions"], { limit: PAGE_SIZE, before: pageParam, effect, pinned }),
        RevisionsResponse,
        signal,
      ),
    initialPageParam: undefined as number | undefined,
    // Another control plane may be the one that judges: ours then has no event to tell.
    refetchInterval: ({ state }) => (isBeingJudged(state.data?.pages) ? 30_000 : false),
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

function isBeingJudged(pages: readonly RevisionsResponse[] | undefined): boolean {
  return (pages ?? []).some(({ revisions }) =>
    revisions.some(({ effect }) => effect !== undefined && !effect.isFinal),
  );
}
