import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { decodeTraces } from "@heddle/contracts";
import { createLogger } from "@heddle/runtime";
import { OtlpSink, waitFor } from "@heddle/testkit";
import { startAdminServer } from "../src/admin/admin-server.ts";
import { ConfigFile } from "../src/config-file.ts";
import { RunningWorkload } from "../src/control/running-workload.ts";
import { type SpanRecord, UNKNOWN_PEER } from "../src/core/traffic-recorder.ts";
import { FilterLibrary } from "../src/filters/filter-library.ts";
import { encodeSpans } from "../src/telemetry/encode-spans.ts";
import { OtlpExporter } from "../src/telemetry/otlp-exporter.ts";
import { createMetricsRegistry } from "../src/telemetry/prometheus.ts";
import { ProtobufWriter } from "../src/telemetry/protobuf-writer.ts";
import { Recorder } from "../src/telemetry/recorder.ts";

const peer = { ...UNKNOWN_PEER, workload: "reviews-v2", namespace: "shop", service: "reviews" };
const pair = {
  reporter: "source",
  source: peer,
  destination: peer,
  destinationService: "reviews.shop.svc.cluster.local",
  destinationServiceName: "reviews",
  destinationServiceNamespace: "shop",
  security: "unknown",
} as const;
const labels = { ...pair, responseCode: 200, responseFlags: "-", failedBy: "" } as const;

function startExporter(t: TestContext, sink: OtlpSink, maxWindows?: number) {
  const limits = { series: 100, spans: 50, sourceAddresses: 10 };
  const recorder = new Recorder({ samplingRatio: 1, draw: Math.random, limits });
  const exporter = new OtlpExporter({
    endpoint: sink.url,
    recorder,
    instanceId: () => "proxy-1",
    logger: createLogger("proxy", "silent"),
    intervalMs: 20,
    ...(maxWindows === undefined ? {} : { maxWindows }),
  });
  exporter.start();
  t.after(() => exporter.stop(100));
  const series = recorder.series(labels);
  const countSome = (count: number) => {
    for (let request = 0; request < count; request++) recorder.record(series, 1.5, 10, 100);
  };
  return { recorder, exporter, countSome };
}

test("counts are exact over an outage of the collector", async (t) => {
  const sink = await OtlpSink.start(t);
  const { exporter, countSome } = startExporter(t, sink);
  countSome(100);
  await waitFor("the first counts", 5_000, () => sink.total("istio_requests_total") === 100);
  await sink.stop();
  countSome(11);
  await waitFor("windows wait", 5_000, () => exporter.state.pendingWindows > 3);
  countSome(11);
  sink.status = 503;
  await sink.listen();
  await waitFor("it was asked again", 5_000, () => sink.pushes > 8);
  sink.status = 200;
  await waitFor("all counts", 5_000, () => sink.total("istio_requests_total") === 122);
  await waitFor("nothing waits", 5_000, () => exporter.state.pendingWindows < 2);
  assert.equal(exporter.state.droppedWindows, 0);
});

test("a window whose answer got lost is sent again as it was, so it counts once", async (t) => {
  const sink = await OtlpSink.start(t);
  const { countSome } = startExporter(t, sink);
  await waitFor("the exporter runs", 5_000, () => sink.windows.length > 0);
  sink.losesNextAnswer = true;
  countSome(7);
  await waitFor("the answer was lost", 5_000, () => !sink.losesNextAnswer);
  const before = sink.pushes;
  await waitFor("later pushes", 5_000, () => sink.pushes > before + 4);
  assert.equal(sink.total("istio_requests_total"), 7);
});

test("beyond the bound the oldest windows go and are counted", async (t) => {
  const sink = await OtlpSink.start(t);
  sink.status = 503;
  const { exporter } = startExporter(t, sink, 5);
  await waitFor("some are dropped", 5_000, () => exporter.state.droppedWindows > 3);
  assert.ok(exporter.state.pendingWindows <= 5);
});

test("a body the collector will never take is dropped and counted, and the next go on", async (t) => {
  const sink = await OtlpSink.start(t);
  sink.status = 400;
  const { exporter } = startExporter(t, sink);
  await waitFor("it is dropped", 5_000, () => exporter.state.droppedWindows > 0);
  sink.status = 200;
  await waitFor("the next are taken", 5_000, () => sink.windows.length > 0);
});

test("spans arrive with their resource, and a full ring counts what it lost", async (t) => {
  const sink = await OtlpSink.start(t);
  sink.status = 503;
  const { recorder, exporter } = startExporter(t, sink);
  const [settings] = ConfigFile.parse({
    name: "host-a",
    workloads: [{ namespace: "shop", service: "reviews", version: "v2" }],
  }).workloads;
  assert.ok(settings);
  const workload = new RunningWorkload(
    settings,
    "127.0.0.1",
    new FilterLibrary(undefined, createLogger("proxy", "silent")),
  );
  const span: SpanRecord = {
    kind: "server",
    workload,
    pair,
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    spanId: "00f067aa0ba902b7",
    parentSpanId: undefined,
    startEpochMs: 1_700_000_000_000.25,
    durationMs: 1.5,
    method: "GET",
    service: "reviews",
    path: "/x",
    status: 503,
    sourceWorkload: "unknown",
    destinationWorkload: "shop/reviews-v2",
    flags: "UF",
    failedBy: "inbound-proxy",
    requestId: "id-1",
  };
  for (let count = 0; count < 60; count++) recorder.spans.push(span);
  assert.equal(exporter.state.droppedSpans, 10);
  sink.status = 200;
  await waitFor("the spans", 5_000, () => sink.spans.length === 50);
  const [received] = sink.spans;
  assert.equal(received?.name, "GET reviews");
  assert.equal(received.kind, "server");
  assert.equal(received.status, "error");
  assert.equal(received.startUnixNano, 1_700_000_000_000_250_000n);
  assert.equal(received.endUnixNano, 1_700_000_000_001_750_000n);
  assert.equal(received.attributes["http.response.status_code"], 503);
  assert.equal(received.attributes["heddle.failed_by"], "inbound-proxy");
  assert.equal(received.attributes["error"], "true");
  assert.equal(received.attributes["response_flags"], "UF");
});

test("Prometheus reads Istio's names, labels and buckets", async (t) => {
  const sink = await OtlpSink.start(t);
  const { recorder, exporter, countSome } = startExporter(t, sink);
  countSome(3);
  const admin = await startAdminServer(0, {
    registry: async () => createMetricsRegistry(recorder, exporter, () => []),
    notReady: () => ["shop/reviews-v2 has no valid certificate"],
    concerns: () => [],
    configDump: () => ({}),
    stats: () => ({}),
  });
  t.after(() => admin.close());
  const text = await (await fetch(`http://127.0.0.1:${admin.port}/metrics`)).text();
  assert.match(text, /^istio_requests_total\{reporter="source",.*response_code="200".*\} 3$/m);
  assert.match(text, /^istio_request_duration_milliseconds_bucket\{.*le="1".*\} 0$/m);
  assert.match(text, /^istio_request_duration_milliseconds_bucket\{.*le="5".*\} 3$/m);
  assert.match(text, /^istio_request_duration_milliseconds_sum\{.*\} 4.5$/m);
  assert.match(text, /^istio_response_bytes_count\{.*\} 3$/m);
  const ready = await fetch(`http://127.0.0.1:${admin.port}/healthz/ready`);
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /shop\/reviews-v2 has no valid certificate/);
});

test("a span says by which rule it went where, in Heddle's words and in Envoy's", () => {
  const [settings] = ConfigFile.parse({
    name: "host-a",
    workloads: [{ namespace: "shop", service: "web" }],
  }).workloads;
  assert.ok(settings);
  const workload = new RunningWorkload(
    settings,
    "127.0.0.1",
    new FilterLibrary(undefined, createLogger("proxy", "silent")),
  );
  const body = encodeSpans(new ProtobufWriter(), [
    {
      kind: "client",
      workload,
      pair,
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      spanId: "00f067aa0ba902b7",
      parentSpanId: undefined,
      startEpochMs: 1_700_000_000_000,
      durationMs: 1.5,
      method: "POST",
      service: "quotes",
      path: "/shop.Quotes/Get",
      status: 200,
      sourceWorkload: "shop/web",
      destinationWorkload: "shop/quotes-v1",
      flags: "-",
      failedBy: "app",
      grpcStatus: "13",
      requestId: "id-1",
      requestBytes: 10,
      responseBytes: 20,
      peerAddress: "127.0.0.1",
      way: {
        rule: "quotes.slow",
        revision: 12,
        cluster: "outbound|7070|v1|quotes.shop.svc.cluster.local",
        endpoint: "127.0.0.1:7071",
        retryCount: 2,
      },
      tags: [["team", "shop"]],
    },
  ]);
  const [span] = decodeTraces(body).flatMap(({ spans }) => spans);
  assert.equal(span?.status, "error");
  const { attributes } = span;
  const told = Object.fromEntries(
    Object.keys(attributes)
      .filter((name) => !/^(http\.|url\.|guid:|heddle\.(source|destination)_)/.test(name))
      .map((name) => [name, attributes[name]]),
  );
  assert.deepEqual(told, {
    "heddle.flags": "-",
    "heddle.failed_by": "app",
    "heddle.rule": "quotes.slow",
    "heddle.revision": 12,
    "heddle.endpoint": "127.0.0.1:7071",
    upstream_cluster: "outbound|7070|v1|quotes.shop.svc.cluster.local",
    "retry.count": 2,
    "grpc.path": "/shop.Quotes/Get",
    "rpc.grpc.status_code": 13,
    "grpc.status_code": "13",
    component: "proxy",
    response_flags: "-",
    "peer.address": "127.0.0.1",
    request_size: 10,
    response_size: 20,
    team: "shop",
    error: "true",
  });
});

test("Prometheus reads connections, gRPC and Heddle's own counters, each with its type and help", async (t) => {
  const sink = await OtlpSink.start(t);
  const { recorder, exporter } = startExporter(t, sink);
  const { responseCode: _, ...tcp } = labels;
  const series = recorder.tcpSeries(tcp);
  recorder.tcpOpened(series);
  recorder.tcpOpened(series);
  recorder.tcpBytes(series, 300, 20);
  recorder.tcpClosed(series);
  recorder.record(recorder.series({ ...labels, protocol: "grpc", grpcStatus: "14" }), 1, 0, 0);
  const registry = createMetricsRegistry(recorder, exporter, () => []);
  assert.doesNotMatch(await registry.metrics(), /heddle_retries_total/);
  recorder.counter("heddle_retries_total", { outcome: "retried" }).add(4);
  const text = await registry.metrics();
  const tcpLabels = '\\{reporter="source",.*request_protocol="tcp"\\}';
  for (const line of [
    `istio_tcp_connections_opened_total${tcpLabels} 2`,
    `istio_tcp_connections_closed_total${tcpLabels} 1`,
    `istio_tcp_sent_bytes_total${tcpLabels} 300`,
    `istio_tcp_received_bytes_total${tcpLabels} 20`,
    `heddle_tcp_connections_open${tcpLabels} 1`,
    'istio_requests_total\\{.*request_protocol="grpc",response_code="200",grpc_response_status="14"\\} 1',
    'heddle_retries_total\\{outcome="retried"\\} 4',
    "# TYPE istio_tcp_sent_bytes_total counter",
    "# TYPE heddle_tcp_connections_open gauge",
    "# TYPE istio_request_duration_milliseconds histogram",
    "# HELP heddle_retries_total Tries beyond the first, .*",
  ]) {
    assert.match(text, new RegExp(`^${line}$`, "m"));
  }
});
