import type { RecentRequestsResponse, SpanWire, TraceResponse } from "@heddle/contracts";
import type { StoredSpan } from "@heddle/store";

const KINDS = ["internal", "internal", "server", "client", "producer", "consumer"] as const;
const STATUSES = ["unset", "ok", "error"] as const;

export function toTraceResponse(traceId: string, spans: readonly StoredSpan[]): TraceResponse {
  return { traceId, spans: spans.map(toSpanWire) };
}

export function toRecentRequests(spans: readonly StoredSpan[]): RecentRequestsResponse {
  return {
    requests: spans.map((span) => {
      const { attributes, httpStatus } = span;
      const flags = String(attributes["heddle.flags"] ?? "");
      return {
        traceId: span.traceId,
        startMs: span.startMs,
        durationMs: span.durationUs / 1000,
        method: String(attributes["http.request.method"] ?? ""),
        path: String(attributes["url.path"] ?? ""),
        ...(httpStatus !== undefined && { httpStatus }),
        failed: span.status === 2 || (httpStatus ?? 0) >= 500,
        ...(flags !== "" && flags !== "-" && { flags }),
      };
    }),
  };
}

function toSpanWire(span: StoredSpan): SpanWire {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId !== undefined && { parentSpanId: span.parentSpanId }),
    startMs: span.startMs,
    durationUs: span.durationUs,
    service: span.service,
    operation: span.operation,
    kind: KINDS[span.kind] ?? "internal",
    status: STATUSES[span.status] ?? "unset",
    ...(span.httpStatus !== undefined && { httpStatus: span.httpStatus }),
    attributes: span.attributes,
  };
}
