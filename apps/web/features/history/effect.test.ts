import assert from "node:assert/strict";
import { test } from "node:test";
import type { SeriesPoint } from "@heddle/contracts";
import { errorVerdict, latencyVerdict, type Period, periodOf } from "./effect.ts";

const point = (startMs: number, requests: number, errors: number, p99Ms?: number): SeriesPoint => ({
  startMs,
  requests,
  errors,
  requestsPerSecond: requests / 10,
  p99Ms,
  requestBytesPerSecond: 0,
  responseBytesPerSecond: 0,
});
const period = (requests: number, errorRatio: number, p99Ms?: number): Period => ({
  requests,
  errorRatio,
  p50Ms: undefined,
  p99Ms,
  requestsPerSecond: 1,
});

test("sums up a half-open period and weighs quantiles by requests", () => {
  const sum = periodOf(
    [point(0, 90, 0, 10), point(10_000, 10, 5, 110), point(20_000, 50, 50)],
    0,
    20_000,
  );
  assert.equal(sum.requests, 100);
  assert.equal(sum.errorRatio, 0.05);
  assert.equal(sum.p99Ms, 20);
  assert.equal(sum.requestsPerSecond, 5);
  assert.equal(periodOf([], 0, 10).errorRatio, undefined);
});

test("calls errors worse only beyond chance", () => {
  assert.equal(errorVerdict(period(1000, 0.003), period(1000, 0.05)), "worse");
  assert.equal(errorVerdict(period(1000, 0.05), period(1000, 0.003)), "better");
  assert.equal(errorVerdict(period(1000, 0.003), period(1000, 0.006)), "as before");
  assert.equal(errorVerdict(period(25, 0), period(25, 0.04)), "as before");
  assert.equal(errorVerdict(period(1000, 0), period(19, 1)), "too little");
  assert.equal(errorVerdict(period(100, 0), period(100, 0)), "as before");
});

test("calls latency changed from a quarter and 2 ms on", () => {
  const p99 = (one: Period): number | undefined => one.p99Ms;
  assert.equal(latencyVerdict(period(100, 0, 148), period(100, 0, 212), p99), "worse");
  assert.equal(latencyVerdict(period(100, 0, 148), period(100, 0, 160), p99), "as before");
  assert.equal(latencyVerdict(period(100, 0, 1), period(100, 0, 2), p99), "as before");
  assert.equal(latencyVerdict(period(100, 0), period(100, 0, 2), p99), "too little");
});
