import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LatencySketch, SketchDecodeError } from "./latency-sketch.ts";

const latencies = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), {
  minLength: 1,
  maxLength: 200,
});

function sketchOf(values: readonly number[]): LatencySketch {
  const sketch = new LatencySketch();
  for (const value of values) sketch.record(value);
  return sketch;
}

test("a quantile is within 2.2 % of the exact one", () => {
  fc.assert(
    fc.property(latencies, fc.constantFrom(0.5, 0.9, 0.95, 0.99, 1), (values, quantile) => {
      const sorted = [...values].sort((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(quantile * sorted.length)) - 1] ?? 0;
      const shown = sketchOf(values).quantile(quantile) ?? 0;
      assert.ok(Math.abs(shown / exact - 1) <= 0.022, `${shown} for ${exact}`);
    }),
  );
});

test("merging parts in any order gives the sketch of the whole", () => {
  fc.assert(
    fc.property(fc.array(latencies, { minLength: 1, maxLength: 6 }), (parts) => {
      const whole = sketchOf(parts.flat());
      for (const order of [parts, [...parts].reverse()]) {
        const merged = new LatencySketch();
        for (const part of order) merged.merge(sketchOf(part));
        assert.deepEqual(merged.encode(), whole.encode());
        assert.equal(merged.count, whole.count);
      }
    }),
  );
});

test("encoding and decoding gives back the same sketch", () => {
  fc.assert(
    fc.property(latencies, fc.nat({ max: 1000 }), (values, zeros) => {
      const sketch = sketchOf(values);
      sketch.addZero(zeros);
      const decoded = LatencySketch.decode(sketch.encode());
      assert.deepEqual(decoded.encode(), sketch.encode());
      assert.equal(decoded.count, values.length + zeros);
      assert.equal(decoded.quantile(0.9), sketch.quantile(0.9));
    }),
  );
});

test("any bytes decode to a sketch or to its own error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        LatencySketch.decode(bytes);
      } catch (error) {
        assert.ok(error instanceof SketchDecodeError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("a histogram of any scale keeps every count", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -10, max: 20 }),
      fc.integer({ min: -5000, max: 5000 }),
      fc.array(fc.nat({ max: 1000 }), { maxLength: 160 }),
      fc.nat({ max: 1000 }),
      (scale, offset, counts, zeroCount) => {
        const sketch = new LatencySketch();
        sketch.addExponential(scale, offset, counts, zeroCount);
        assert.equal(
          sketch.count,
          counts.reduce((sum, count) => sum + count, zeroCount),
        );
      },
    ),
  );
});

test("a finer histogram is downscaled into the bucket that holds it", () => {
  const fine = new LatencySketch();
  fine.addExponential(6, 4 * 16, [1, 1, 1, 1, 1], 0); // four fine buckets a bucket of ours
  const ours = new LatencySketch();
  ours.addBucket(16, 4);
  ours.addBucket(17, 1);
  assert.deepEqual(fine.encode(), ours.encode());
});

test("holds nothing, then zeros, then a value exactly on a bound", () => {
  const sketch = new LatencySketch();
  assert.equal(sketch.quantile(0.5), undefined);
  sketch.record(0, 3);
  assert.equal(sketch.quantile(0.99), 0);
  sketch.record(1); // (2^(-1/16), 1]: the upper bound belongs to the bucket
  const p99 = sketch.quantile(0.99) ?? 0;
  assert.ok(p99 > 0.95 && p99 <= 1, String(p99));
});

test("explicit buckets lie at their geometric middle, the open one at its lower bound", () => {
  const sketch = new LatencySketch();
  sketch.addExplicit([10, 40], [0, 8, 2]);
  const [p50 = 0, p99 = 0] = [sketch.quantile(0.5), sketch.quantile(0.99)];
  assert.ok(Math.abs(p50 / 20 - 1) <= 0.03, String(p50));
  assert.ok(Math.abs(p99 / 40 - 1) <= 0.03, String(p99));
});
