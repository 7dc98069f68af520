import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeMetrics,
  type ExponentialHistogramPoint,
  type HistogramPoint,
  type NumberPoint,
} from "@heddle/contracts";
import fc from "fast-check";
import { type SeriesLabels, UNKNOWN_PEER } from "../core/traffic-recorder.ts";
import { MetricsWindows } from "./metrics-window.ts";
import { Recorder } from "./recorder.ts";

function labels(over: Partial<SeriesLabels> = {}): SeriesLabels {
  return {
    reporter: "destination",
    source: UNKNOWN_PEER,
    destination: {
      workload: "reviews-v2",
      namespace: "shop",
      service: "reviews",
      version: "v2",
      principal: "spiffe://cluster.local/ns/shop/sa/reviews-v2",
    },
    destinationService: "reviews.shop.svc.cluster.local",
    destinationServiceName: "reviews",
    destinationServiceNamespace: "shop",
    responseCode: 200,
    responseFlags: "-",
    security: "none",
    failedBy: "",
    ...over,
  };
}

function recorder(series = 100, sourceAddresses = 100): Recorder {
  const limits = { series, spans: 10, sourceAddresses };
  return new Recorder({ samplingRatio: 0, draw: () => 0, limits });
}

type AnyPoint = NumberPoint | HistogramPoint | ExponentialHistogramPoint;

function points(body: Buffer, name: string): readonly AnyPoint[] {
  return decodeMetrics(body)
    .flatMap(({ metrics }) => metrics)
    .flatMap((metric): readonly AnyPoint[] =>
      metric.kind !== "ignored" && metric.name === name ? metric.points : [],
    );
}

test("equal labels share a series, different ones do not", () => {
  const made = recorder();
  assert.equal(made.series(labels()), made.series(labels()));
  assert.notEqual(made.series(labels()), made.series(labels({ responseCode: 503 })));
});

test("label sets beyond the limit share one overflow series and are counted", () => {
  const made = recorder(2);
  const codes = [200, 201, 202, 203].map((responseCode) => made.series(labels({ responseCode })));
  assert.deepEqual(codes, [1, 2, 0, 0]);
  assert.equal(made.table.overflowed, 2);
  made.record(codes[3] ?? -1, 1, 1, 1);
  const { body } = new MetricsWindows(made, () => "p", 0).cut(1_000);
  const [point] = points(body, "istio_requests_total");
  assert.equal(point?.attributes["otel_metric_overflow"], "true");
});

test("plaintext callers beyond the limit are told apart no longer", () => {
  const made = recorder(100, 2);
  for (const address of ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.1"]) {
    made.plaintextRefused({ namespace: "shop", name: "reviews-v2" }, address);
  }
  const { body } = new MetricsWindows(made, () => "p", 0).cut(1_000);
  const byAddress = points(body, "heddle_plaintext_refused_total").map((point) => [
    point.attributes["heddle_source_address"],
    "value" in point ? point.value : undefined,
  ]);
  assert.deepEqual(byAddress, [
    ["10.0.0.1", 2],
    ["10.0.0.2", 1],
    ["other", 1],
  ]);
});

test("a window holds Istio's labels, and windows touch", () => {
  const made = recorder();
  const series = made.series(labels({ sourceAddress: "10.0.0.9" }));
  const windows = new MetricsWindows(made, () => "proxy-1", 1_000);
  made.record(series, 3, 10, 20);
  const first = points(windows.cut(2_000).body, "istio_requests_total")[0];
  made.record(series, 3, 10, 20);
  const second = points(windows.cut(1_500).body, "istio_requests_total")[0]; // the clock went back
  assert.equal(first?.startUnixNano, 1_000_000_000n);
  assert.equal(first.timeUnixNano, 2_000_000_000n);
  assert.equal(second?.startUnixNano, first.timeUnixNano);
  assert.ok(second.timeUnixNano > second.startUnixNano);
  assert.deepEqual(
    { ...first.attributes },
    {
      reporter: "destination",
      source_workload: "unknown",
      source_workload_namespace: "unknown",
      source_canonical_service: "unknown",
      source_canonical_revision: "unknown",
      source_principal: "unknown",
      source_app: "unknown",
      source_version: "unknown",
      destination_workload: "reviews-v2",
      destination_workload_namespace: "shop",
      destination_canonical_service: "reviews",
      destination_canonical_revision: "v2",
      destination_principal: "spiffe://cluster.local/ns/shop/sa/reviews-v2",
      destination_app: "reviews",
      destination_version: "v2",
      destination_service: "reviews.shop.svc.cluster.local",
      destination_service_name: "reviews",
      destination_service_namespace: "shop",
      request_protocol: "http",
      response_code: "200",
      response_flags: "-",
      connection_security_policy: "none",
      heddle_failed_by: "",
      heddle_source_address: "10.0.0.9",
    },
  );
});

test("the windows of any traffic add up to the traffic", () => {
  const exchange = fc.record({
    responseCode: fc.constantFrom(200, 404, 503),
    latencyMs: fc.double({ min: 0, max: 10_000, noNaN: true }),
    requestBytes: fc.nat(10_000_000),
    responseBytes: fc.nat(10_000_000),
  });
  fc.assert(
    fc.property(fc.array(fc.array(exchange, { maxLength: 20 }), { maxLength: 6 }), (batches) => {
      const made = recorder();
      const windows = new MetricsWindows(made, () => "proxy-1", 0);
      const sums = { requests: 0, bytes: 0, histogram: 0, inBuckets: 0 };
      for (const [index, batch] of batches.entries()) {
        for (const { responseCode, latencyMs, requestBytes, responseBytes } of batch) {
          made.record(
            made.series(labels({ responseCode })),
            latencyMs,
            requestBytes,
            responseBytes,
          );
        }
        const { body } = windows.cut((index + 1) * 1_000);
        for (const point of points(body, "istio_requests_total")) {
          if ("value" in point) sums.requests += point.value;
        }
        for (const point of points(body, "istio_request_bytes")) {
          if ("value" in point) sums.bytes += point.value;
        }
        for (const point of points(body, "istio_request_duration_milliseconds")) {
          if (!("zeroCount" in point)) continue;
          sums.histogram += point.count;
          sums.inBuckets += point.counts.reduce((sum, count) => sum + count, point.zeroCount);
        }
      }
      const all = batches.flat();
      const bytes = all.reduce((sum, { requestBytes }) => sum + requestBytes, 0);
      const requests = all.length;
      assert.deepEqual(sums, { requests, bytes, histogram: requests, inBuckets: requests });
    }),
  );
});
