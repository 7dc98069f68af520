import { isWellFormedSpan, spanKind, spanStatus } from "./decode-traces.ts";
import {
  asObject,
  attributesOf,
  integerOf,
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
  type OtlpLimits,
  type ResourceSpans,
  type Span,
} from "./telemetry.ts";

/** Decodes an `ExportTraceServiceRequest` in OTLP/JSON (ids in hex). Throws `OtlpDecodeError`. */
export function decodeTracesJson(
  body: Uint8Array,
  limits: OtlpLimits = DEFAULT_OTLP_LIMITS,
): ResourceSpans[] {
  const budget = new DecodeBudget(limits);
  const request = parseJsonObject(body);
  return listOf(request["resourceSpans"], "resourceSpans").map((entry) => {
    const holder = asObject(entry, "resourceSpans");
    const all = listOf(holder["scopeSpans"], "scopeSpans").flatMap((scope) =>
      listOf(asObject(scope, "scopeSpans")["spans"], "spans").map((span) =>
        toSpan(asObject(span, "spans"), budget),
      ),
    );
    const spans = all.filter(isWellFormedSpan);
    const resource = attributesOf(objectOf(holder["resource"], "resource"), budget);
    return { resource, spans, malformed: all.length - spans.length };
  });
}

function toSpan(span: JsonObject, budget: DecodeBudget): Span {
  budget.takeItem();
  const parent = hexOf(span["parentSpanId"], "parentSpanId");
  return {
    traceId: hexOf(span["traceId"], "traceId"),
    spanId: hexOf(span["spanId"], "spanId"),
    parentSpanId: /^[0-9a-f]{16}$/.test(parent) && /[^0]/.test(parent) ? parent : undefined,
    name: textOf(span["name"], "name"),
    kind: spanKind(integerOf(span["kind"], "kind")),
    startUnixNano: nanosOf(span["startTimeUnixNano"], "startTimeUnixNano"),
    endUnixNano: nanosOf(span["endTimeUnixNano"], "endTimeUnixNano"),
    status: spanStatus(integerOf(objectOf(span["status"], "status")["code"], "status.code")),
    attributes: attributesOf(span, budget),
  };
}

function hexOf(value: unknown, field: string): string {
  const text = textOf(value, field).toLowerCase();
  return /^[0-9a-f]*$/.test(text) ? text : ""; // wrong ids are counted as malformed, not fatal
}
