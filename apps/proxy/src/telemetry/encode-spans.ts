import { formatId, httpStatusOfGrpc } from "@heddle/mesh";
import type { HostedWorkload } from "../core/hosted-workload.ts";
import type { SpanRecord } from "../core/traffic-recorder.ts";
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

function resourceOf(workload: HostedWorkload): LabelSet {
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
  if (span.clientAddress !== undefined) {
    writeAttribute(writer, 9, "client.address", span.clientAddress);
  }
  const { grpcStatus = "" } = span;
  if (grpcStatus !== "") writeAttribute(writer, 9, "rpc.grpc.status_code", Number(grpcStatus));
  const isGrpcError = grpcStatus !== "" && httpStatusOfGrpc(Number(grpcStatus)) >= 500;
  const isError = span.status >= 500 || span.status === 0 || isGrpcError;
  if (isError) writer.message(15, () => writer.uint(3, STATUS_ERROR));
}
