"use client";

import { SeriesResponse } from "@heddle/contracts";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { apiPath, getJson } from "../api-client.ts";
import { ApiError } from "../api-error.ts";
import { mergeSeries } from "../merge-series.ts";
import { queryKeys } from "./query-keys.ts";

/** One node's golden signals over [fromMs, toMs). A node without any traffic (404) has no points: that is no failure. */
export async function fetchNodeSeries(
  nodeId: string,
  span: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number },
  signal?: AbortSignal,
): Promise<SeriesResponse> {
  try {
    return await getJson(apiPath(["nodes", nodeId, "series"], span), SeriesResponse, signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      return { stepMs: span.stepMs, points: [] };
    }
    throw error;
  }
}

/** The last `spanMs` of some nodes taken together, moving with the clock. */
export function useNodeSeries(nodeIds: readonly string[], spanMs: number) {
  const stepMs = stepOf(spanMs);
  return useQuery({
    queryKey: queryKeys.series(nodeIds, spanMs),
    queryFn: async ({ signal }) => {
      const toMs = Date.now();
      const fromMs = Math.floor((toMs - spanMs) / stepMs) * stepMs; // where a step begins
      const span = { fromMs, toMs, stepMs };
      const answers = await Promise.all(nodeIds.map((id) => fetchNodeSeries(id, span, signal)));
      return {
        fromMs: span.fromMs,
        toMs,
        stepMs: answers[0]?.stepMs ?? stepMs,
        points: mergeSeries(answers.map((answer) => answer.points)),
      };
    },
    refetchInterval: 5000,
    placeholderData: keepPreviousData,
  });
}

/** The collector keeps 10 s buckets; an hour needs no more than one point a minute. */
function stepOf(spanMs: number): number {
  return spanMs > 1_800_000 ? 60_000 : 10_000;
}
