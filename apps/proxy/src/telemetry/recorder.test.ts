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
import { SeriesTable as HeldSeries } from "../transport/series-table.ts";
import { TcpSeriesTable as HeldTcpSeries } from "../transport/tcp-series-table.ts";
import { MetricsWindows } from "./metrics-window.ts";
import { Recorder } from "./recorder.ts";

const WORKLOAD = {
  id: { namespace: "shop", name: "reviews-v2" },
  service: "reviews",
  version: "v2",
};

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

const IDLE_MS = 600_000;

/** A recorder, its windows and the time, which passes only when told to. */
function timed(series = 100) {
  const clock = { nowMs: 1_000_000 };
  const made = new Recorder({
    samplingRatio: 0,
    draw: () => 0,
    now: () => clock.nowMs,
    limits: { series, spans: 10, idleMs: IDLE_MS },
  });
  const windows = new MetricsWindows(made, () => "proxy-1", clock.nowMs);
  const pass = (ms: number) => {
    clock.nowMs += ms;
    const { body } = windows.cut(clock.nowMs);
    made.sweep();
    return body;
  };
  return { made, pass };
}

function values(body: Buffer, name: string): [code: unknown, value: number][] {
  return points(body, name).map((point) => [
    point.attributes["response_code"] ?? point.attributes["outcome"],
    "value" in point ? point.value : point.count,
  ]);
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
    made.turnedAway({ namespace: "shop", name: "reviews-v2" }, address, "plaintext", true);
  }
  const { body } = new MetricsWindows(made, () => "p", 0).cut(1_000);
  const byAddress = points(body, "heddle_mtls_refused_total").map((point) => [
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

test("a series that is idle for long is given up, and its slot counts for others from nothing", () => {
  const { made, pass } = timed();
  const first = made.series(labels());
  made.record(first, 3, 10, 20);
  pass(1_000);
  pass(IDLE_MS - 1);
  assert.equal(made.table.count, 1);
  pass(10_000);
  assert.equal(made.table.count, 0);
  const other = made.series(labels({ responseCode: 404 }));
  assert.equal(other, first);
  made.record(other, 3, 10, 20);
  const body = pass(1_000);
  assert.deepEqual(values(body, "istio_requests_total"), [["404", 1]]);
  assert.deepEqual(values(body, "istio_request_duration_milliseconds"), [["404", 1]]);
});

test("who has kept a series that was given up counts under its own labels again", () => {
  const { made, pass } = timed(1);
  const { responseCode: _, responseFlags: _f, failedBy: _b, ...fixed } = labels();
  const held = new HeldSeries(made, fixed);
  const other = new HeldSeries(made, { ...fixed, destinationService: "other" });
  const countIn = (table: HeldSeries) => made.record(table.seriesOf(200, "-", ""), 1, 1, 1);
  countIn(held);
  for (let step = 0; step < 3; step++) pass(IDLE_MS);
  countIn(other);
  countIn(held); // its slot is the other's now, and there is no third
  const [point, overflow] = points(pass(1_000), "istio_requests_total").toSorted(
    (a, b) => ("value" in a ? a.value : 0) - ("value" in b ? b.value : 0),
  );
  const both = [point, overflow].map((each) => each?.attributes["destination_service"]);
  assert.deepEqual(both.toSorted(), ["other", undefined]);
});

test("a full table takes back what has been idle for a minute before it counts overflow", () => {
  const { made, pass } = timed(2);
  for (const responseCode of [200, 201]) {
    made.record(made.series(labels({ responseCode })), 1, 1, 1);
  }
  pass(10_000);
  made.record(made.series(labels({ responseCode: 200 })), 1, 1, 1);
  pass(60_000);
  const slot = made.series(labels({ responseCode: 202 }));
  assert.equal(made.table.overflowed, 0);
  made.record(slot, 1, 1, 1);
  assert.deepEqual(values(pass(1_000), "istio_requests_total"), [["202", 1]]);
});

test("opaque connections are told of as they open, move bytes and close, and while they stand open", () => {
  const { made, pass } = timed();
  const { responseCode: _, ...tcp } = labels();
  const series = made.tcpSeries(tcp);
  for (let count = 0; count < 3; count++) made.tcpOpened(series);
  made.tcpBytes(series, 1_000, 50);
  made.tcpClosed(series);
  const told = (body: Buffer) =>
    [
      "istio_tcp_connections_opened_total",
      "istio_tcp_connections_closed_total",
      "istio_tcp_sent_bytes_total",
      "istio_tcp_received_bytes_total",
      "heddle_tcp_connections_open",
    ].map((name) => values(body, name)[0]?.[1]);
  assert.deepEqual(told(pass(1_000)), [3, 1, 1_000, 50, 2]);
  assert.deepEqual(told(pass(1_000)), [undefined, undefined, undefined, undefined, 2]);
  made.tcpClosed(series);
  made.tcpClosed(series);
  assert.deepEqual(told(pass(1_000)), [0, 2, 0, 0, 0]);
  assert.deepEqual(told(pass(1_000)), new Array(5).fill(undefined));
});

test("the series of a connection that stays open is never given up", () => {
  const { made, pass } = timed();
  const { responseCode: _, responseFlags: _f, failedBy: _b, ...tcp } = labels();
  const held = new HeldTcpSeries(made, made.signalsOf(WORKLOAD), tcp);
  const series = held.seriesOf("-", "");
  made.tcpOpened(series);
  held.countRefused("UF", "network");
  for (let step = 0; step < 4; step++) pass(IDLE_MS);
  assert.equal(made.tcpTable.count, 1);
  made.tcpClosed(series);
  for (let step = 0; step < 3; step++) pass(IDLE_MS);
  assert.equal(made.tcpTable.count, 0);
});

test("Heddle's own counters come as deltas, go when idle, and come back from nothing", () => {
  const { made, pass } = timed();
  const counter = made.counter("heddle_retries_total", { outcome: "retried" });
  counter.add(5);
  assert.deepEqual(values(pass(1_000), "heddle_retries_total"), [["retried", 5]]);
  counter.add(2);
  assert.deepEqual(values(pass(1_000), "heddle_retries_total"), [["retried", 2]]);
  for (let step = 0; step < 3; step++) pass(IDLE_MS);
  assert.equal([...made.events.all].length, 0);
  counter.add(3);
  made.counter("heddle_retries_total", { outcome: "retried" }).add(1);
  assert.deepEqual(values(pass(1_000), "heddle_retries_total"), [["retried", 4]]);
});

test("whatever is counted and however long it rests, windows add up to it", () => {
  const step = fc.record({
    code: fc.constantFrom(200, 404, 503),
    host: fc.constantFrom("a", "b", "c"),
    restMs: fc.constantFrom(1_000, 60_000, IDLE_MS, 2 * IDLE_MS),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const { made, pass } = timed(4);
      const { responseCode: _, responseFlags: _f, failedBy: _b, ...fixed } = labels();
      const tables = new Map(
        ["a", "b", "c"].map((host) => [
          host,
          new HeldSeries(made, { ...fixed, destinationService: host }),
        ]),
      );
      const told = new Map<string, number>();
      for (const { code, host, restMs } of steps) {
        made.record(tables.get(host)?.seriesOf(code, "-", "") ?? -1, 1, 1, 1);
        for (const point of points(pass(restMs), "istio_requests_total")) {
          const { destination_service, response_code } = point.attributes;
          const key = `${destination_service ?? ""} ${response_code ?? ""}`;
          told.set(key, (told.get(key) ?? 0) + ("value" in point ? point.value : 0));
        }
      }
      const counted = Map.groupBy(steps, ({ host, code }) => `${host} ${code}`);
      let overflow = 0;
      for (const [key, all] of counted) overflow += all.length - (told.get(key) ?? 0);
      assert.equal(told.get(" ") ?? 0, overflow);
      for (const [key, value] of told) {
        if (key !== " ") assert.ok(value <= (counted.get(key)?.length ?? 0), key);
      }
    }),
  );
});
