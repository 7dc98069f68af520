import assert from "node:assert/strict";
import { test } from "node:test";
import {
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import fc from "fast-check";
import { decodeLogs } from "./decode-logs.ts";
import { decodeMetrics } from "./decode-metrics.ts";
import { decodeTraces } from "./decode-traces.ts";
import { encodeExportResponse } from "./export-response.ts";
import { decodeLogsJson } from "./json-logs.ts";
import { decodeMetricsJson } from "./json-metrics.ts";
import { decodeTracesJson } from "./json-traces.ts";
import { OtlpDecodeError, type ResourceMetrics, type ResourceSpans } from "./telemetry.ts";

type MetricsInput = Parameters<typeof ProtobufMetricsSerializer.serializeRequest>[0];
type SpansInput = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0];

const DECODERS = {
  decodeMetrics,
  decodeTraces,
  decodeLogs,
  decodeMetricsJson,
  decodeTracesJson,
  decodeLogsJson,
};
const EMPTY = new Uint8Array();
const RUNS = { numRuns: 300 };

const attributes = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 20 }).filter((key) => key !== "__proto__"),
  fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.integer(),
    // Integers above 2^53 arrive as text, which has a test of its own.
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .filter((value) => !Number.isInteger(value) || Number.isSafeInteger(value)),
  ),
  { maxKeys: 8 },
);
const hrTime = fc.tuple(
  fc.integer({ min: 1_600_000_000, max: 2_000_000_000 }),
  fc.integer({ min: 0, max: 999_999_999 }),
);
const hex = (digits: number) =>
  fc
    .uint8Array({ minLength: digits / 2, maxLength: digits / 2 })
    .map((bytes) => Buffer.from(bytes).toString("hex"))
    .filter((text) => /[^0]/.test(text));
const count = fc.nat({ max: 1_000_000 });

const span = fc.record({
  traceId: hex(32),
  spanId: hex(16),
  parentSpanId: fc.option(hex(16), { nil: undefined }),
  name: fc.string(),
  kind: fc.integer({ min: 0, max: 4 }),
  startTime: hrTime,
  durationSeconds: fc.nat({ max: 1000 }),
  status: fc.integer({ min: 0, max: 2 }),
  attributes,
});
type GivenSpan = typeof span extends fc.Arbitrary<infer S> ? S : never;

const KINDS = ["internal", "server", "client", "producer", "consumer"] as const;
const STATUSES = ["unset", "ok", "error"] as const;
const nanos = ([seconds, rest]: readonly [number, number]) =>
  BigInt(seconds) * 1_000_000_000n + BigInt(rest);
const endOf = (given: GivenSpan): [number, number] => [
  given.startTime[0] + given.durationSeconds,
  given.startTime[1],
];
/** OTLP knows no integer doubles: the serializers write 1.0 as the integer 1, -0 as 0. */
const flat = (given: Record<string, unknown>) => ({
  ...Object.fromEntries(
    Object.entries(given).map(([key, value]) => [key, value === 0 ? 0 : value]),
  ),
});

function spansInput(spans: readonly GivenSpan[]): SpansInput {
  const resource = { attributes: { "service.name": "reviews" } };
  const instrumentationScope = { name: "test" };
  return spans.map((given) => ({
    name: given.name,
    kind: given.kind,
    spanContext: () => ({ traceId: given.traceId, spanId: given.spanId, traceFlags: 1 }),
    parentSpanContext: given.parentSpanId && {
      traceId: given.traceId,
      spanId: given.parentSpanId,
      traceFlags: 1,
    },
    startTime: given.startTime,
    endTime: endOf(given),
    status: { code: given.status },
    attributes: given.attributes,
    links: [],
    events: [],
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
    ended: true,
    resource,
    instrumentationScope,
  })) as unknown as SpansInput;
}

for (const [name, serializer, decode] of [
  ["protobuf", ProtobufTraceSerializer, decodeTraces],
  ["JSON", JsonTraceSerializer, decodeTracesJson],
] as const) {
  test(`reads spans as OpenTelemetry writes them in ${name}`, () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 5 }), (spans) => {
        const body = serializer.serializeRequest(spansInput(spans)) ?? EMPTY;
        const decoded = decode(body).flatMap((resource: ResourceSpans) => resource.spans);
        assert.deepEqual(
          decoded.map((each) => ({ ...each, attributes: flat(each.attributes) })),
          spans.map((given) => ({
            traceId: given.traceId,
            spanId: given.spanId,
            parentSpanId: given.parentSpanId,
            name: given.name,
            kind: KINDS[given.kind],
            startUnixNano: nanos(given.startTime),
            endUnixNano: nanos(endOf(given)),
            status: STATUSES[given.status],
            attributes: flat(given.attributes),
          })),
        );
      }),
      RUNS,
    );
  });
}

const exponential = fc.record({
  scale: fc.integer({ min: -10, max: 20 }),
  offset: fc.integer({ min: -1000, max: 1000 }),
  counts: fc.array(count, { maxLength: 160 }),
  zeroCount: count,
  sum: fc.double({ min: 0, max: 1e9, noNaN: true }),
});

function metricsInput(
  labels: Record<string, unknown>,
  value: number,
  histogram: typeof exponential extends fc.Arbitrary<infer H> ? H : never,
): MetricsInput {
  const point = { startTime: [1_700_000_000, 0], endTime: [1_700_000_001, 0], attributes: labels };
  const descriptor = (name: string) => ({
    name,
    description: "",
    unit: "1",
    valueType: 0,
    type: "COUNTER",
  });
  const { scale, offset, counts, zeroCount, sum } = histogram;
  return {
    resource: { attributes: { "service.instance.id": "proxy-1" } },
    scopeMetrics: [
      {
        scope: { name: "test" },
        metrics: [
          {
            descriptor: descriptor("sum"),
            aggregationTemporality: 0,
            dataPointType: 3,
            isMonotonic: true,
            dataPoints: [{ ...point, value }],
          },
          {
            descriptor: descriptor("gauge"),
            aggregationTemporality: 1,
            dataPointType: 2,
            dataPoints: [{ ...point, value }],
          },
          {
            descriptor: descriptor("explicit"),
            aggregationTemporality: 1,
            dataPointType: 0,
            dataPoints: [
              {
                ...point,
                value: { count: 6, sum: 7.5, buckets: { boundaries: [1, 2], counts: [1, 2, 3] } },
              },
            ],
          },
          {
            descriptor: descriptor("exponential"),
            aggregationTemporality: 0,
            dataPointType: 1,
            dataPoints: [
              {
                ...point,
                value: {
                  count: 9,
                  sum,
                  min: 0,
                  max: 1,
                  scale,
                  zeroCount,
                  positive: { offset, bucketCounts: counts },
                  negative: { offset: 0, bucketCounts: [] },
                },
              },
            ],
          },
        ],
      },
    ],
  } as unknown as MetricsInput;
}

for (const [name, serializer, decode] of [
  ["protobuf", ProtobufMetricsSerializer, decodeMetrics],
  ["JSON", JsonMetricsSerializer, decodeMetricsJson],
] as const) {
  test(`reads metrics as OpenTelemetry writes them in ${name}`, () => {
    fc.assert(
      fc.property(attributes, count, exponential, (labels, value, histogram) => {
        const body = serializer.serializeRequest(metricsInput(labels, value, histogram)) ?? EMPTY;
        const [resource, ...others]: ResourceMetrics[] = decode(body);
        assert.ok(resource && others.length === 0);
        assert.equal(resource.resource["service.instance.id"], "proxy-1");
        const head = {
          attributes: flat(labels),
          startUnixNano: 1_700_000_000_000_000_000n,
          timeUnixNano: 1_700_000_001_000_000_000n,
        };
        const metrics = resource.metrics.map((metric) =>
          metric.kind === "ignored"
            ? metric
            : {
                ...metric,
                points: metric.points.map((each) => ({
                  ...each,
                  attributes: flat(each.attributes),
                })),
              },
        );
        assert.deepEqual(metrics, [
          {
            kind: "sum",
            name: "sum",
            temporality: "delta",
            isMonotonic: true,
            points: [{ ...head, value }],
          },
          { kind: "gauge", name: "gauge", points: [{ ...head, value }] },
          {
            kind: "histogram",
            name: "explicit",
            temporality: "cumulative",
            points: [{ ...head, count: 6, sum: 7.5, bounds: [1, 2], counts: [1, 2, 3] }],
          },
          {
            kind: "exponential-histogram",
            name: "exponential",
            temporality: "delta",
            points: [{ ...head, count: 9, ...histogram }],
          },
        ]);
      }),
      RUNS,
    );
  });
}

test("reads a log record from JSON, by when it was seen where it does not say when it happened", () => {
  const attributes = [{ key: "heddle.tap.ids", value: { stringValue: "a" } }];
  const seen = { observedTimeUnixNano: "17", eventName: "heddle.tap.request", attributes };
  const happened = { ...seen, timeUnixNano: "5", traceId: "4BF92F3577B34DA6A3CE929D0E0E4736" };
  const request = { resourceLogs: [{ scopeLogs: [{ logRecords: [seen, happened] }] }] };
  const [resource] = decodeLogsJson(Buffer.from(JSON.stringify(request)));
  const common = { eventName: "heddle.tap.request", attributes: { "heddle.tap.ids": "a" } };
  assert.deepEqual(resource?.records, [
    { ...common, timeUnixNano: 17n, traceId: "" },
    { ...common, timeUnixNano: 5n, traceId: "4bf92f3577b34da6a3ce929d0e0e4736" },
  ]);
});

test("meets any bytes with a value or its own error", () => {
  const anyBody = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .tuple(fc.array(span, { minLength: 1, maxLength: 2 }), fc.nat(), fc.nat({ max: 255 }))
      .map(([spans, at, byte]) => {
        const body = Buffer.from(
          ProtobufTraceSerializer.serializeRequest(spansInput(spans)) ?? EMPTY,
        );
        body[at % body.length] = byte;
        return body.subarray(0, (at * 7) % (body.length + 1) || body.length);
      }),
  );
  fc.assert(
    fc.property(anyBody, (body) => {
      for (const decode of Object.values(DECODERS)) {
        try {
          assert.ok(Array.isArray(decode(body)));
        } catch (error) {
          assert.ok(error instanceof OtlpDecodeError, String(error));
        }
      }
    }),
    { numRuns: 3000 },
  );
});

test("meets any broken JSON field with its own error", () => {
  const anyValue = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(anyValue, anyValue, (metric, point) => {
      const bodies = [
        { resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] },
        { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ sum: { dataPoints: [point] } }] }] }] },
        { resourceSpans: [{ resource: point, scopeSpans: [{ spans: [metric] }] }] },
        { resourceLogs: [{ resource: point, scopeLogs: [{ logRecords: [metric] }] }] },
      ].map((body) => Buffer.from(JSON.stringify(body)));
      for (const body of bodies) {
        for (const decode of [decodeMetricsJson, decodeTracesJson, decodeLogsJson]) {
          try {
            decode(body);
          } catch (error) {
            assert.ok(error instanceof OtlpDecodeError, String(error));
          }
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test("refuses more items than the limit, however small they are", () => {
  // 1000 empty spans: scope_spans { spans {} … } in two bytes each
  const spans = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from([0x12, 0x00])));
  const scope = Buffer.concat([Buffer.from([0x12, 0xd0, 0x0f]), spans]);
  const body = Buffer.concat([Buffer.from([0x0a, 0xd3, 0x0f]), scope]);
  const limits = { maxItems: 999, maxElements: 10_000, maxValueDepth: 8 };
  assert.throws(() => decodeTraces(body, limits), /more than 999 spans/);
  assert.equal(decodeTraces(body, { ...limits, maxItems: 1000 })[0]?.malformed, 1000);
});

test("refuses attribute values nested deeper than the limit", () => {
  let value: unknown = { stringValue: "deep" };
  for (let i = 0; i < 20; i++) value = { arrayValue: { values: [value] } };
  const request = { resourceSpans: [{ resource: { attributes: [{ key: "a", value }] } }] };
  assert.throws(
    () => decodeTracesJson(Buffer.from(JSON.stringify(request))),
    /nested deeper than 8/,
  );
});

test("keeps an attribute named __proto__ as an attribute", () => {
  const attribute = { key: "__proto__", value: { stringValue: "x" } };
  const request = { resourceSpans: [{ resource: { attributes: [attribute] } }] };
  const [resource] = decodeTracesJson(Buffer.from(JSON.stringify(request)));
  assert.deepEqual(Object.entries(resource?.resource ?? {}), [["__proto__", "x"]]);
});

test("keeps an integer that a number cannot hold exactly as text", () => {
  const attribute = { key: "id", value: { intValue: "9223372036854775807" } };
  const request = { resourceSpans: [{ resource: { attributes: [attribute] } }] };
  const [resource] = decodeTracesJson(Buffer.from(JSON.stringify(request)));
  assert.equal(resource?.resource["id"], "9223372036854775807");
});

test("answers full success with no bytes and partial success with count and reason", () => {
  assert.equal(encodeExportResponse({ rejected: 0, message: "" }).length, 0);
  const bytes = encodeExportResponse({ rejected: 300, message: "old" });
  assert.deepEqual([...bytes], [10, 8, 8, 172, 2, 18, 3, 111, 108, 100]);
});
