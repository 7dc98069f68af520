import {
  asObject,
  attributesOf,
  type JsonObject,
  listOf,
  nanosOf,
  objectOf,
  parseJsonObject,
  textOf,
} from "./json-fields.ts";
import {
  DEFAULT_OTLP_LIMITS,
  DecodeBudget,
  type LogRecord,
  type OtlpLimits,
  type ResourceLogs,
} from "./telemetry.ts";

/** Decodes an `ExportLogsServiceRequest` in OTLP/JSON (ids in hex). Throws `OtlpDecodeError`. */
export function decodeLogsJson(
  body: Uint8Array,
  limits: OtlpLimits = DEFAULT_OTLP_LIMITS,
): ResourceLogs[] {
  const budget = new DecodeBudget(limits);
  const request = parseJsonObject(body);
  return listOf(request["resourceLogs"], "resourceLogs").map((entry) => {
    const holder = asObject(entry, "resourceLogs");
    const records = listOf(holder["scopeLogs"], "scopeLogs").flatMap((scope) =>
      listOf(asObject(scope, "scopeLogs")["logRecords"], "logRecords").map((record) =>
        toRecord(asObject(record, "logRecords"), budget),
      ),
    );
    return { resource: attributesOf(objectOf(holder["resource"], "resource"), budget), records };
  });
}

function toRecord(record: JsonObject, budget: DecodeBudget): LogRecord {
  budget.takeItem();
  const time = nanosOf(record["timeUnixNano"], "timeUnixNano");
  return {
    eventName: textOf(record["eventName"], "eventName"),
    timeUnixNano: time || nanosOf(record["observedTimeUnixNano"], "observedTimeUnixNano"),
    traceId: textOf(record["traceId"], "traceId").toLowerCase(),
    attributes: attributesOf(record, budget),
  };
}
