import { emptyAttributes, readKeyValue, readResource } from "./decode-attributes.ts";
import { bytesField, fixed64Field, ProtobufReader, varintField } from "./protobuf-reader.ts";
import {
  DEFAULT_OTLP_LIMITS,
  DecodeBudget,
  type ExponentialHistogramPoint,
  type HistogramPoint,
  type Metric,
  type NumberPoint,
  type OtlpLimits,
  type ResourceMetrics,
  type Temporality,
} from "./telemetry.ts";

const TEMPORALITIES: readonly Temporality[] = ["unspecified", "delta", "cumulative"];

/** Decodes a protobuf `ExportMetricsServiceRequest`. Throws `OtlpDecodeError`. */
export function decodeMetrics(
  body: Uint8Array,
  limits: OtlpLimits = DEFAULT_OTLP_LIMITS,
): ResourceMetrics[] {
  const reader = new ProtobufReader(body);
  const budget = new DecodeBudget(limits);
  const resources: ResourceMetrics[] = [];
  while (reader.pos < reader.length) {
    const tag = reader.tag(reader.length);
    if (tag === bytesField(1)) {
      budget.takeElements(1);
      resources.push(readResourceMetrics(reader, reader.enter(reader.length), budget));
    } else reader.skip(tag, reader.length);
  }
  return resources;
}

/** Unknown numbers read as "unspecified". */
export function temporalityOf(number: number): Temporality {
  return TEMPORALITIES[number] ?? "unspecified";
}

function readResourceMetrics(reader: ProtobufReader, end: number, budget: DecodeBudget) {
  const resource = emptyAttributes();
  const metrics: Metric[] = [];
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === bytesField(1)) readResource(reader, end, resource, budget);
    else if (tag === bytesField(2)) readScopeMetrics(reader, end, metrics, budget);
    else reader.skip(tag, end);
  }
  return { resource, metrics };
}

function readScopeMetrics(
  reader: ProtobufReader,
  outerEnd: number,
  metrics: Metric[],
  budget: DecodeBudget,
): void {
  const end = reader.enter(outerEnd);
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === bytesField(2)) {
      budget.takeElements(1);
      metrics.push(readMetric(reader, reader.enter(end), budget));
    } else reader.skip(tag, end);
  }
}

type Body<Point> = { points: Point[]; temporality: Temporality; isMonotonic: boolean };
type ReadPoint<Point> = (reader: ProtobufReader, end: number, budget: DecodeBudget) => Point;

function readMetric(reader: ProtobufReader, end: number, budget: DecodeBudget): Metric {
  let name = "";
  let metric: ((name: string) => Metric) | undefined;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === bytesField(1)) name = reader.string(end);
    else if (tag === bytesField(7)) {
      const body = readBody(reader, reader.enter(end), budget, readNumberPoint);
      metric = (named) => ({ kind: "sum", name: named, ...body });
    } else if (tag === bytesField(9)) {
      const { points, temporality } = readBody(
        reader,
        reader.enter(end),
        budget,
        readHistogramPoint,
      );
      metric = (named) => ({ kind: "histogram", name: named, points, temporality });
    } else if (tag === bytesField(10)) {
      const { points, temporality } = readBody(
        reader,
        reader.enter(end),
        budget,
        readExponentialPoint,
      );
      metric = (named) => ({ kind: "exponential-histogram", name: named, points, temporality });
    } else if (tag === bytesField(5)) {
      const { points } = readBody(reader, reader.enter(end), budget, readNumberPoint);
      metric = (named) => ({ kind: "gauge", name: named, points });
    } else if (tag === bytesField(11)) {
      const { points } = readBody(reader, reader.enter(end), budget, passOverPoint);
      metric = (named) => ({ kind: "ignored", name: named, pointCount: points.length });
    } else reader.skip(tag, end);
  }
  return metric ? metric(name) : { kind: "ignored", name, pointCount: 0 };
}

function readBody<Point>(
  reader: ProtobufReader,
  end: number,
  budget: DecodeBudget,
  readPoint: ReadPoint<Point>,
): Body<Point> {
  const body: Body<Point> = { points: [], temporality: "unspecified", isMonotonic: false };
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === bytesField(1)) {
      budget.takeItem();
      body.points.push(readPoint(reader, reader.enter(end), budget));
    } else if (tag === varintField(2)) body.temporality = temporalityOf(reader.varint(end));
    else if (tag === varintField(3)) body.isMonotonic = reader.varint(end) !== 0;
    else reader.skip(tag, end);
  }
  return body;
}

function passOverPoint(reader: ProtobufReader, end: number): undefined {
  reader.pos = end;
}

function readNumberPoint(reader: ProtobufReader, end: number, budget: DecodeBudget): NumberPoint {
  const attributes = emptyAttributes();
  let startUnixNano = 0n;
  let timeUnixNano = 0n;
  let value = 0;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === bytesField(7)) readKeyValue(reader, end, attributes, budget);
    else if (tag === fixed64Field(2)) startUnixNano = reader.fixed64(end);
    else if (tag === fixed64Field(3)) timeUnixNano = reader.fixed64(end);
    else if (tag === fixed64Field(4)) value = reader.double(end);
    else if (tag === fixed64Field(6)) value = reader.sfixed64(end);
    else reader.skip(tag, end);
  }
  return { attributes, startUnixNano, timeUnixNano, value };
}

function readHistogramPoint(
  reader: ProtobufReader,
  end: number,
  budget: DecodeBudget,
): HistogramPoint {
  const attributes = emptyAttributes();
  const bounds: number[] = [];
  const counts: number[] = [];
  let startUnixNano = 0n;
  let timeUnixNano = 0n;
  let count = 0;
  let sum: number | undefined;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === bytesField(9)) readKeyValue(reader, end, attributes, budget);
    else if (tag === fixed64Field(2)) startUnixNano = reader.fixed64(end);
    else if (tag === fixed64Field(3)) timeUnixNano = reader.fixed64(end);
    else if (tag === fixed64Field(4)) count = reader.fixed64Count(end);
    else if (tag === fixed64Field(5)) sum = reader.double(end);
    else if (tag === bytesField(6)) {
      readPacked(reader, end, budget, counts, (stop) => reader.fixed64Count(stop));
    } else if (tag === bytesField(7)) {
      readPacked(reader, end, budget, bounds, (stop) => reader.double(stop));
    } else if (tag === fixed64Field(6)) counts.push(reader.fixed64Count(end));
    else if (tag === fixed64Field(7)) bounds.push(reader.double(end));
    else reader.skip(tag, end);
  }
  return { attributes, startUnixNano, timeUnixNano, count, sum, bounds, counts };
}

function readExponentialPoint(
  reader: ProtobufReader,
  end: number,
  budget: DecodeBudget,
): ExponentialHistogramPoint {
  const attributes = emptyAttributes();
  const buckets = { offset: 0, counts: [] as number[] };
  let startUnixNano = 0n;
  let timeUnixNano = 0n;
  let count = 0;
  let sum: number | undefined;
  let scale = 0;
  let zeroCount = 0;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === bytesField(1)) readKeyValue(reader, end, attributes, budget);
    else if (tag === fixed64Field(2)) startUnixNano = reader.fixed64(end);
    else if (tag === fixed64Field(3)) timeUnixNano = reader.fixed64(end);
    else if (tag === fixed64Field(4)) count = reader.fixed64Count(end);
    else if (tag === fixed64Field(5)) sum = reader.double(end);
    else if (tag === varintField(6)) scale = reader.sint32(end);
    else if (tag === fixed64Field(7)) zeroCount = reader.fixed64Count(end);
    else if (tag === bytesField(8)) readBuckets(reader, reader.enter(end), budget, buckets);
    else reader.skip(tag, end);
  }
  return { attributes, startUnixNano, timeUnixNano, count, sum, scale, zeroCount, ...buckets };
}

function readBuckets(
  reader: ProtobufReader,
  end: number,
  budget: DecodeBudget,
  into: { offset: number; counts: number[] },
): void {
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === varintField(1)) into.offset = reader.sint32(end);
    else if (tag === bytesField(2)) {
      readPacked(reader, end, budget, into.counts, (stop) => reader.varint(stop));
    } else if (tag === varintField(2)) {
      budget.takeElements(1);
      into.counts.push(reader.varint(end));
    } else reader.skip(tag, end);
  }
}

function readPacked(
  reader: ProtobufReader,
  outerEnd: number,
  budget: DecodeBudget,
  into: number[],
  readOne: (end: number) => number,
): void {
  const end = reader.enter(outerEnd);
  const before = into.length;
  while (reader.pos < end) into.push(readOne(end));
  budget.takeElements(into.length - before);
}
