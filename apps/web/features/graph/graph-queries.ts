"use client";
import {
  GraphSnapshot,
  RecentRequestsResponse,
  SeriesResponse,
  StatusResponse,
} from "@heddle/contracts";
import { keepPreviousData, queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { apiPath, getJson } from "../../lib/api-client.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import type { StreamState } from "../../lib/stream-state.ts";
import { useEventStream } from "../../lib/use-event-stream.ts";

type SnapshotView = GraphSnapshot["view"];

/** Three missed snapshots: the stream counts as lost and is opened again. */
const SILENCE_MS = 4000;

export function graphSnapshotQuery(windowMs: number, view: SnapshotView) {
  return queryOptions({
    queryKey: queryKeys.graph(windowMs, view),
    queryFn: ({ signal }) => getJson(apiPath(["graph"], { windowMs, view }), GraphSnapshot, signal),
  });
}

/**
 * The graph, once a second: the stream writes into the query's place in the cache, so that whoever asks
 * for the same window and view reads the same numbers. The first answer comes by plain request. Not `isWanted`: what was
 * heard last stays, and nothing is heard.
 */
export function useLiveGraph(windowMs: number, view: SnapshotView, isWanted = true) {
  const client = useQueryClient();
  const options = graphSnapshotQuery(windowMs, view);
  const query = useQuery({
    ...options,
    staleTime: Number.POSITIVE_INFINITY,
    enabled: isWanted,
    placeholderData: keepPreviousData, // of another window or view: the page says so by its skeleton
  });
  const stream: StreamState = useEventStream({
    path: isWanted ? apiPath(["graph", "stream"], { windowMs, view }) : undefined,
    event: "graph",
    schema: GraphSnapshot,
    silenceMs: SILENCE_MS,
    onMessage: (snapshot) => client.setQueryData(options.queryKey, snapshot),
  });
  return { query, stream };
}

/** The graph as it stood at a moment; the past does not change. No moment: nothing is asked. */
export function pastGraphQuery(atMs: number | undefined, windowMs: number, view: SnapshotView) {
  return queryOptions({
    queryKey: [...queryKeys.graph(windowMs, view), "past", atMs ?? "none"],
    enabled: atMs !== undefined,
    queryFn: ({ signal }) =>
      getJson(apiPath(["graph"], { windowMs, view, atMs }), GraphSnapshot, signal),
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: keepPreviousData, // while the moment is dragged along
  });
}

/** Sparklines look back this far. */
export const SERIES_MS = 300_000;
/** The collector's finest step. */
const STEP_MS = 10_000;

/** The five minutes of a node or an edge before a moment (or now) in steps of 10 s; asked again as each step closes. */
export function seriesQuery(kind: "nodes" | "edges", id: string, pastMs?: number) {
  return queryOptions({
    queryKey: ["series", "sparkline", kind, id, pastMs],
    queryFn: ({ signal }) => {
      const toMs = Math.floor((pastMs ?? Date.now()) / STEP_MS) * STEP_MS;
      const query = { fromMs: toMs - SERIES_MS, toMs, stepMs: STEP_MS };
      return getJson(apiPath([kind, id, "series"], query), SeriesResponse, signal);
    },
    refetchInterval: pastMs === undefined ? STEP_MS / 2 : false,
  });
}

/** The strip at the foot of the graph looks back an hour, in steps of half a minute. */
export const TIMELINE_MS = 3_600_000;
const TIMELINE_STEP_MS = 30_000;

export const timelineQuery = timelineUntilQuery(undefined);

/** The hour that ends at a moment; `undefined`: now. */
export function timelineUntilQuery(untilMs: number | undefined) {
  return queryOptions({
    queryKey: ["timeline", untilMs],
    queryFn: async ({ signal }) => {
      const toMs = Math.ceil((untilMs ?? Date.now()) / STEP_MS) * STEP_MS;
      const fromMs = toMs - TIMELINE_MS;
      const path = apiPath(["timeline"], { fromMs, toMs, stepMs: TIMELINE_STEP_MS });
      return { fromMs, toMs, ...(await getJson(path, SeriesResponse, signal)) };
    },
    refetchInterval: untilMs === undefined ? STEP_MS : false,
    placeholderData: keepPreviousData,
  });
}

const SHOWN_REQUESTS = 5;

/** The newest requests of an edge that were traced; failed ones always are. */
export function recentRequestsQuery(edgeId: string) {
  return queryOptions({
    queryKey: ["requests", edgeId],
    queryFn: ({ signal }) =>
      getJson(
        apiPath(["edges", edgeId, "requests"], { limit: SHOWN_REQUESTS }),
        RecentRequestsResponse,
        signal,
      ),
    refetchInterval: 2000,
  });
}

/** Which mesh this is. `watch`: while it is empty, so that the first proxy shows at once. */
export function statusQuery(watch: boolean) {
  return queryOptions({
    queryKey: ["status"],
    queryFn: ({ signal }) => getJson("/status", StatusResponse, signal),
    refetchInterval: watch ? 1000 : false,
    staleTime: watch ? 0 : 60_000,
  });
}
