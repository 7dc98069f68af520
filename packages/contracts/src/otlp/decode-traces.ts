import { emptyAttributes, readKeyValue, readResource } from "./decode-attributes.ts";
import { bytesField, fixed64Field, ProtobufReader, varintField } from "./protobuf-reader.ts";
import {
  DEFAULT_OTLP_LIMITS,
  DecodeBudget,
  type OtlpLimits,
  type ResourceSpans,
  type Span,
  type SpanKind,
  type SpanStatus,
} from "./telemetry.ts";

const KINDS: readonly SpanKind[] = [
  "unspecified",
  "internal",
  "server",
  "client",
  "producer",
  "consumer",
];
const STATUSES: readonly SpanStatus[] = ["unset", "ok", "error"];

/** Decodes a protobuf `ExportTraceServiceRequest`. Throws `OtlpDecodeError`. */
export function decodeTraces(
  body: Uint8Array,
  limits: OtlpLimits = DEFAULT_OTLP_LIMITS,
): ResourceSpans[] {
  const reader = new ProtobufReader(body);
  const budget = new DecodeBudget(limits);
  const resources: ResourceSpans[] = [];
  while (reader.pos < reader.length) {
    const tag = reader.tag(reader.length);
    if (tag === bytesField(1)) {
      budget.takeElements(1);
      resources.push(readResourceSpans(reader, reader.enter(reader.length), budget));
    } else reader.skip(tag, reader.length);
  }
  return resources;
}

/** Unknown numbers read as the first, "unspecified" or "unset", as protobuf's open enums want. */
export function spanKind(number: number): SpanKind {
  return KINDS[number] ?? "unspecified";
}

export function spanStatus(number: number): SpanStatus {
  return STATUSES[number] ?? "unset";
}

/** Ids of the right length, not all zero (W3C Trace Context §3.2.2.3), and an end not before the start. */
export function isWellFormedSpan(span: Span): boolean {
  return isId(span.traceId, 32) && isId(span.spanId, 16) && span.endUnixNano >= span.startUnixNano;
}

function isId(hex: string, digits: number): boolean {
  return hex.length === digits && /[^0]/.test(hex);
}

function readResourceSpans(
  reader: ProtobufReader,
  end: number,
  budget: DecodeBudget,
): ResourceSpans {
  const resource = emptyAttributes();
  const spans: Span[] = [];
  let malformed = 0;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === bytesField(1)) readResource(reader, end, resource, budget);
    else if (tag === bytesField(2)) malformed += readScopeSpans(reader, end, spans, budget);
    else reader.skip(tag, end);
  }
  return { resource, spans, malformed };
}

function readScopeSpans(
  reader: ProtobufReader,
  outerEnd: number,
  spans: Span[],
  budget: DecodeBudget,
): number {
  const end = reader.enter(outerEnd);
  let malformed = 0;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag !== bytesField(2)) {
      reader.skip(tag, end);
      continue;
    }
    budget.takeItem();
    const span = readSpan(reader, reader.enter(end), budget);
    if (isWellFormedSpan(span)) spans.push(span);
    else malformed += 1;
  }
  return malformed;
}

function readSpan(reader: ProtobufReader, end: number, budget: DecodeBudget): Span {
  const attributes = emptyAttributes();
  let traceId = "";
  let spanId = "";
  let parentSpanId = "";
  let name = "";
  let kind: SpanKind = "unspecified";
  let startUnixNano = 0n;
  let endUnixNano = 0n;
  let status: SpanStatus = "unset";
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === bytesField(9)) readKeyValue(reader, end, attributes, budget);
    else if (tag === bytesField(1)) traceId = reader.hex(end);
    else if (tag === bytesField(2)) spanId = reader.hex(end);
    else if (tag === bytesField(4)) parentSpanId = reader.hex(end);
    else if (tag === bytesField(5)) name = reader.string(end);
    else if (tag === varintField(6)) kind = spanKind(reader.varint(end));
    else if (tag === fixed64Field(7)) startUnixNano = reader.fixed64(end);
    else if (tag === fixed64Field(8)) endUnixNano = reader.fixed64(end);
    else if (tag === bytesField(15)) status = readStatus(reader, reader.enter(end));
    else reader.skip(tag, end);
  }
  return {
    traceId,
    spanId,
    parentSpanId: isId(parentSpanId, 16) ? parentSpanId : undefined,
    name,
    kind,
    startUnixNano,
    endUnixNano,
    status,
    attributes,
  };
}

function readStatus(reader: ProtobufReader, end: number): SpanStatus {
  let status: SpanStatus = "unset";
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === varintField(3)) status = spanStatus(reader.varint(end));
    else reader.skip(tag, end);
  }
  return status;
}
