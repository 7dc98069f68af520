import { formatId } from "@heddle/mesh";
import type { ReportingWorkload, SpanRecord } from "../core/traffic-recorder.ts";
import { isFailure } from "./is-failure.ts";
import { unixNano, writeAttribute, writeResource, writeScope } from "./otlp-attributes.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import type { LabelSet } from "./series-labels.ts";

const SPAN_KIND = { server: 2, client: 3 } as const;
const STATUS_ERROR = 2;

/** An ExportTraceServiceRequest: one resource per hosted workload. */
export function encodeSpans(writer: ProtobufWriter, spans: readonly SpanRecord[]): Buffer {
  for (const [workload, itsSpans] of Map.groupBy(spans, (span) => span.workload)) {
    writer.message(1, () => {
      writeResource(writer, resourceOf(workload));
      writer.message(2, () => {
        writeScope(writer);
        for (const span of itsSpans) writer.message(2, () => writeSpan(writer, span));
      });
    });
  }
  return writer.take();
}

export function resourceOf(workload: ReportingWorkload): LabelSet {
  return [
    ["service.name", workload.service],
    ["service.namespace", workload.id.namespace],
    ["service.version", workload.version ?? "latest"],
    ["heddle.workload", formatId(workload.id)],
  ];
}

function writeSpan(writer: ProtobufWriter, span: SpanRecord): void {
  writer.hex(1, span.traceId);
  writer.hex(2, span.spanId);
  if (span.parentSpanId !== undefined) writer.hex(4, span.parentSpanId);
  writer.string(5, `${span.method} ${span.service}`);
  writer.uint(6, SPAN_KIND[span.kind]);
  writer.fixedBig64(7, unixNano(span.startEpochMs));
  writer.fixedBig64(8, unixNano(span.startEpochMs + span.durationMs));
  writeAttribute(writer, 9, "http.request.method", span.method);
  writeAttribute(writer, 9, "url.path", span.path);
  writeAttribute(writer, 9, "http.response.status_code", span.status);
  writeAttribute(writer, 9, "heddle.source_workload", span.sourceWorkload);
  writeAttribute(writer, 9, "heddle.destination_workload", span.destinationWorkload);
  writeAttribute(writer, 9, "heddle.flags", span.flags);
  writeAttribute(writer, 9, "heddle.failed_by", span.failedBy);
  writeAttribute(writer, 9, "guid:x-request-id", span.requestId);
  if (span.isBypassed === true) writeAttribute(writer, 9, "heddle.bypassed", "true");
  if (span.askedService !== undefined) {
    writeAttribute(writer, 9, "heddle.service", span.askedService);
    if (span.authority) writeAttribute(writer, 9, "server.address", span.authority);
  }
  if (span.clientAddress !== undefined) {
    writeAttribute(writer, 9, "client.address", span.clientAddress);
  }
  writeWay(writer, span);
  writeDenied(writer, span);
  writeGrpc(writer, span);
  writeEnvoyTags(writer, span);
  for (const [name, value] of span.tags ?? []) writeAttribute(writer, 9, name, value);
  if (!isFailure(span.status, span.grpcStatus)) return;
  writeAttribute(writer, 9, "error", "true");
  writer.message(15, () => writer.uint(3, STATUS_ERROR));
}

/** What decided, and where the request went. */
function writeWay(writer: ProtobufWriter, { way }: SpanRecord): void {
  if (way === undefined) return;
  if (way.rule !== undefined) writeAttribute(writer, 9, "heddle.rule", way.rule);
  writeAttribute(writer, 9, "heddle.revision", way.revision);
  if (way.endpoint !== undefined) writeAttribute(writer, 9, "heddle.endpoint", way.endpoint);
  if (way.cluster !== undefined) writeAttribute(writer, 9, "upstream_cluster", way.cluster);
  if (way.retryCount > 0) writeAttribute(writer, 9, "retry.count", way.retryCount);
}

function writeDenied(writer: ProtobufWriter, { denied }: SpanRecord): void {
  if (denied === undefined) return;
  const { isShadow, rule, nearest, fields } = denied;
  writeAttribute(writer, 9, "heddle.authorization", isShadow ? "would-deny" : "denied");
  if (rule !== undefined) writeAttribute(writer, 9, "heddle.authorization.rule", rule);
  if (nearest !== undefined) writeAttribute(writer, 9, "heddle.authorization.nearest", nearest);
  if (fields.length > 0) writeAttribute(writer, 9, "heddle.authorization.fields", fields.join(","));
}

/** OpenTelemetry's name of the status, and Envoy's. */
function writeGrpc(writer: ProtobufWriter, { grpcStatus, path }: SpanRecord): void {
  if (grpcStatus === undefined) return;
  writeAttribute(writer, 9, "grpc.path", path);
  if (grpcStatus === "") return;
  writeAttribute(writer, 9, "rpc.grpc.status_code", Number(grpcStatus));
  writeAttribute(writer, 9, "grpc.status_code", grpcStatus);
}

/** Under Envoy's names, for who looks for them. */
function writeEnvoyTags(writer: ProtobufWriter, span: SpanRecord): void {
  const { peerAddress, requestBytes, responseBytes } = span;
  writeAttribute(writer, 9, "component", "proxy");
  writeAttribute(writer, 9, "response_flags", span.flags);
  if (peerAddress !== undefined) writeAttribute(writer, 9, "peer.address", peerAddress);
  if (requestBytes !== undefined) writeAttribute(writer, 9, "request_size", requestBytes);
  if (responseBytes !== undefined) writeAttribute(writer, 9, "response_size", responseBytes);
}
