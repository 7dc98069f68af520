import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  FIRST_LATENCY_INDEX,
  ISTIO_BOUNDS,
  ISTIO_BUCKETS,
  LATENCY_BUCKETS,
  latencyBucket,
  TrafficCounters,
} from "./traffic-counters.ts";

const latency = fc.double({ min: 0.001, max: 3_600_000, noNaN: true });

test("a latency lies in its bucket, and within 2.2 % of the bucket's middle", () => {
  fc.assert(
    fc.property(latency, (value) => {
      const index = latencyBucket(value) + FIRST_LATENCY_INDEX;
      const [low, high] = [2 ** (index / 16), 2 ** ((index + 1) / 16)];
      assert.ok(value > low * (1 - 1e-12) && value <= high * (1 + 1e-12));
      const middle = Math.sqrt(low * high);
      assert.ok(Math.abs(middle - value) / value <= 0.022);
    }),
  );
});

test("a bucket's upper end belongs to it", () => {
  assert.equal(latencyBucket(1) + FIRST_LATENCY_INDEX, -1);
  assert.equal(latencyBucket(2) + FIRST_LATENCY_INDEX, 15);
});

test("every latency finds a bucket, however small or large", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, noNaN: true }), (value) => {
      const counters = new TrafficCounters(1);
      counters.record(0, value, 0, 0);
      const inBuckets = counters.latencies.reduce((sum, count) => sum + count, 0);
      assert.equal(inBuckets + (counters.zeroLatencies[0] ?? 0), 1);
    }),
  );
  assert.equal(latencyBucket(Number.MAX_VALUE), LATENCY_BUCKETS - 1);
});

test("a clock that went back counts as a latency of 0", () => {
  const counters = new TrafficCounters(1);
  counters.record(0, -5, 0, 0);
  counters.record(0, Number.NaN, 0, 0);
  assert.deepEqual([counters.requests[0], counters.latencySumMs[0]], [2, 0]);
});

test("Prometheus buckets count what is at or below their bound", () => {
  fc.assert(
    fc.property(fc.array(latency, { maxLength: 30 }), (values) => {
      const counters = new TrafficCounters(1);
      for (const value of values) counters.record(0, value, 0, 0);
      let cumulative = 0;
      for (const [index, bound] of ISTIO_BOUNDS.entries()) {
        cumulative += counters.latencyByBound[index] ?? 0;
        assert.equal(cumulative, values.filter((value) => value <= bound).length);
      }
    }),
  );
});

test("counts stay where they are when room is made", () => {
  const counters = new TrafficCounters(1);
  counters.record(0, 3, 10, 100_000_000);
  counters.reserve(50);
  counters.record(49, 7, 1, 1);
  assert.equal(counters.requests[0], 1);
  assert.equal(counters.responseBytes[0], 100_000_000);
  assert.equal(counters.latencies[latencyBucket(3)], 1);
  assert.equal(counters.responseBytesByBound[ISTIO_BUCKETS - 1], 1);
  assert.equal(counters.latencies[49 * LATENCY_BUCKETS + latencyBucket(7)], 1);
});
