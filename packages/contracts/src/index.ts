export * from "./console-api/access.ts";
export * from "./console-api/analysis.ts";
export * from "./console-api/change-event.ts";
export * from "./console-api/denials.ts";
export * from "./console-api/graph.ts";
export * from "./console-api/history.ts";
export * from "./console-api/identity.ts";
export * from "./console-api/mesh-state.ts";
export * from "./console-api/policies.ts";
export * from "./console-api/presence.ts";
export * from "./console-api/preview.ts";
export * from "./console-api/proxies.ts";
export * from "./console-api/pushes.ts";
export * from "./console-api/registry.ts";
export * from "./console-api/replicas.ts";
export * from "./console-api/reviews.ts";
export * from "./console-api/revision-effect.ts";
export * from "./console-api/security.ts";
export * from "./console-api/taps.ts";
export * from "./console-api/traffic.ts";
export * from "./control-stream/index.ts";
export { type OpenApiDocument, openApiDocument } from "./http-api/openapi-document.ts";
export type { Operation, OperationDescription } from "./http-api/operation.ts";
export { toProblem } from "./http-api/problem.ts";
export {
  PROBLEM_CODES,
  type ProblemCode,
  type ProblemDescription,
} from "./http-api/problem-codes.ts";
export { unknownFields } from "./http-api/unknown-fields.ts";
export { decodeLogs } from "./otlp/decode-logs.ts";
export { decodeMetrics } from "./otlp/decode-metrics.ts";
export { decodeTraces } from "./otlp/decode-traces.ts";
export {
  encodeExportResponse,
  encodeExportStatus,
  exportResponseJson,
  type PartialSuccess,
} from "./otlp/export-response.ts";
export { decodeLogsJson } from "./otlp/json-logs.ts";
export { decodeMetricsJson } from "./otlp/json-metrics.ts";
export { decodeTracesJson } from "./otlp/json-traces.ts";
export {
  type Attributes,
  type AttributeValue,
  DEFAULT_OTLP_LIMITS,
  type ExponentialHistogramPoint,
  type HistogramPoint,
  type LogRecord,
  type Metric,
  type NumberPoint,
  OtlpDecodeError,
  type OtlpLimits,
  type ResourceLogs,
  type ResourceMetrics,
  type ResourceSpans,
  type Span,
  type SpanKind,
  type SpanStatus,
  type Temporality,
} from "./otlp/telemetry.ts";
