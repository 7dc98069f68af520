"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { mergeSeries } from "../../lib/merge-series.ts";
import { fetchNodeSeries } from "../../lib/queries/use-node-series.ts";

/** The error share of one line over the last hour, minute by minute; `undefined`: no request in that minute. */
export type ErrorHour = readonly { readonly atMs: number; readonly value: number | undefined }[];

const HOUR_MS = 3_600_000;
const STEP_MS = 60_000;
/** A minute's point says nothing new sooner. */
const EVERY_MS = 30_000;

/** The hours of some lines, each of one or more nodes, all asked for at once and seldom. */
export function useErrorHours(lines: readonly (readonly string[])[]): readonly ErrorHour[] {
  const key = lines.map((ids) => ids.join(" "));
  const sorted = [...key].sort(); // a new order asks nothing anew
  const { data } = useQuery({
    queryKey: ["overview", "error-hours", ...sorted],
    queryFn: async ({ signal }) => {
      const toMs = Math.ceil(Date.now() / STEP_MS) * STEP_MS;
      const span = { fromMs: toMs - HOUR_MS, toMs, stepMs: STEP_MS };
      const hours = await Promise.all(
        sorted.map(async (ids): Promise<readonly [string, ErrorHour]> => {
          const answers = await Promise.all(
            ids.split(" ").map((id) => fetchNodeSeries(id, span, signal)),
          );
          const points = mergeSeries(answers.map((answer) => answer.points));
          const drawn = points.map((point) => ({ atMs: point.startMs, value: point.errorRatio }));
          return [ids, [{ atMs: span.fromMs, value: undefined }, ...drawn]]; // the line starts an hour ago, whatever is known
        }),
      );
      return new Map(hours);
    },
    refetchInterval: EVERY_MS,
    placeholderData: keepPreviousData,
    enabled: lines.length > 0,
  });
  return key.map((ids) => data?.get(ids) ?? []);
}
