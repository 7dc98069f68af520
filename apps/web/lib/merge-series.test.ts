import assert from "node:assert/strict";
import { test } from "node:test";
import type { SeriesPoint } from "@heddle/contracts";
import { mergeSeries } from "./merge-series.ts";

const point = (startMs: number, requests: number, errors: number, p99Ms?: number): SeriesPoint => ({
  startMs,
  requests,
  errors,
  requestsPerSecond: requests / 10,
  errorRatio: requests === 0 ? undefined : errors / requests,
  p99Ms,
  requestBytesPerSecond: 0,
  responseBytesPerSecond: 0,
});

test("adds counts of one step and keeps steps only one node has", () => {
  const merged = mergeSeries([
    [point(0, 90, 0, 20), point(10, 50, 0, 25)],
    [point(10, 50, 10, 80), point(20, 10, 0)],
  ]);
  assert.deepEqual(
    merged.map(({ startMs, requests, errorRatio, p99Ms }) => ({
      startMs,
      requests,
      errorRatio,
      p99Ms,
    })),
    [
      { startMs: 0, requests: 90, errorRatio: 0, p99Ms: 20 },
      { startMs: 10, requests: 100, errorRatio: 0.1, p99Ms: 80 },
      { startMs: 20, requests: 10, errorRatio: 0, p99Ms: undefined },
    ],
  );
});

test("leaves the only series as it is", () => {
  const series = [point(0, 1, 1, 3)];
  assert.deepEqual(mergeSeries([series]), series);
  assert.deepEqual(mergeSeries([]), []);
});
