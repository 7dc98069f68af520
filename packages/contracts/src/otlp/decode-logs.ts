import { emptyAttributes, readKeyValue, readResource } from "./decode-attributes.ts";
import { bytesField, fixed64Field, ProtobufReader } from "./protobuf-reader.ts";
import {
  DEFAULT_OTLP_LIMITS,
  DecodeBudget,
  type LogRecord,
  type OtlpLimits,
  type ResourceLogs,
} from "./telemetry.ts";

/** Decodes a protobuf `ExportLogsServiceRequest`; bodies and severities are passed over. Throws `OtlpDecodeError`. */
export function decodeLogs(
  body: Uint8Array,
  limits: OtlpLimits = DEFAULT_OTLP_LIMITS,
): ResourceLogs[] {
  const reader = new ProtobufReader(body);
  const budget = new DecodeBudget(limits);
  const resources: ResourceLogs[] = [];
  while (reader.pos < reader.length) {
    const tag = reader.tag(reader.length);
    if (tag === bytesField(1)) {
      budget.takeElements(1);
      resources.push(readResourceLogs(reader, reader.enter(reader.length), budget));
    } else reader.skip(tag, reader.length);
  }
  return resources;
}

function readResourceLogs(reader: ProtobufReader, end: number, budget: DecodeBudget): ResourceLogs {
  const resource = emptyAttributes();
  const records: LogRecord[] = [];
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === bytesField(1)) readResource(reader, end, resource, budget);
    else if (tag === bytesField(2)) readScopeLogs(reader, reader.enter(end), records, budget);
    else reader.skip(tag, end);
  }
  return { resource, records };
}

function readScopeLogs(
  reader: ProtobufReader,
  end: number,
  records: LogRecord[],
  budget: DecodeBudget,
): void {
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === bytesField(2)) {
      budget.takeItem();
      records.push(readRecord(reader, reader.enter(end), budget));
    } else reader.skip(tag, end);
  }
}

function readRecord(reader: ProtobufReader, end: number, budget: DecodeBudget): LogRecord {
  const attributes = emptyAttributes();
  let timeUnixNano = 0n;
  let observedUnixNano = 0n;
  let traceId = "";
  let eventName = "";
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === bytesField(6)) readKeyValue(reader, end, attributes, budget);
    else if (tag === fixed64Field(1)) timeUnixNano = reader.fixed64(end);
    else if (tag === fixed64Field(11)) observedUnixNano = reader.fixed64(end);
    else if (tag === bytesField(9)) traceId = reader.hex(end);
    else if (tag === bytesField(12)) eventName = reader.string(end);
    else reader.skip(tag, end);
  }
  return { eventName, timeUnixNano: timeUnixNano || observedUnixNano, traceId, attributes };
}
