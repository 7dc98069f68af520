import assert from "node:assert/strict";
import { test } from "node:test";
import { type SeriesLabels, UNKNOWN_PEER } from "../core/traffic-recorder.ts";
import { Recorder } from "./recorder.ts";
import { TrafficSums } from "./traffic-sums.ts";

const IDLE_MS = 600_000;
const web = { ...UNKNOWN_PEER, workload: "web-v1", namespace: "shop", service: "web" };
const reviews = { ...UNKNOWN_PEER, workload: "reviews-v1", namespace: "shop", service: "reviews" };

function labels(reporter: SeriesLabels["reporter"], responseCode: number): SeriesLabels {
  return {
    reporter,
    source: web,
    destination: reviews,
    destinationService: "reviews.shop.svc.cluster.local",
    destinationServiceName: "reviews",
    destinationServiceNamespace: "shop",
    responseCode,
    responseFlags: "-",
    security: "none",
    failedBy: "",
  };
}

function setUp() {
  const clock = { nowMs: 1_000_000 };
  const limits = { series: 100, spans: 10, sourceAddresses: 10, idleMs: IDLE_MS };
  const recorder = new Recorder({
    samplingRatio: 0,
    draw: () => 0,
    now: () => clock.nowMs,
    limits,
  });
  const sums = new TrafficSums();
  return {
    record: (one: SeriesLabels, times: number) => {
      for (let i = 0; i < times; i++) recorder.record(recorder.series(one), 1, 0, 0);
    },
    count: () => [...sums.count(recorder).values()],
    pass: (ms: number) => {
      clock.nowMs += ms;
      recorder.sweep();
    },
  };
}

test("requests are summed by workload and side: failed, not let in, all", () => {
  const { record, count } = setUp();
  record(labels("source", 200), 5);
  record(labels("source", 503), 3);
  record(labels("source", 0), 1);
  record(labels("source", 403), 2);
  record(labels("destination", 200), 4);
  assert.deepEqual(count(), [
    { namespace: "shop", name: "web-v1", side: "sent", requests: 11, errors: 4, denied: 2 },
    { namespace: "shop", name: "reviews-v1", side: "received", requests: 4, errors: 0, denied: 0 },
  ]);
});

test("a series that is given up for being idle takes nothing back, and may come again", () => {
  const { record, count, pass } = setUp();
  record(labels("source", 503), 7);
  record(labels("source", 200), 1);
  const [before] = count();
  pass(0);
  record(labels("source", 200), 9);
  pass(IDLE_MS);
  record(labels("source", 503), 2);
  const [after] = count();
  assert.deepEqual([before?.requests, before?.errors], [8, 7]);
  assert.deepEqual([after?.requests, after?.errors], [19, 9]);
});
