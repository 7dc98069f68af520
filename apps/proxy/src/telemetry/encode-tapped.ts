import type { SpanRecord } from "../core/traffic-recorder.ts";
import { resourceOf } from "./encode-spans.ts";
import {
  unixNano,
  writeAttribute,
  writeAttributes,
  writeResource,
  writeScope,
} from "./otlp-attributes.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import { tcpLabels, trafficLabels } from "./series-labels.ts";
import type { Tapped, TappedBatch } from "./taps.ts";

const SEVERITY_INFO = 9;
const ATTRIBUTES = 6;
const MAX_PATH = 1_024;

type TappedExchange = Extract<Tapped, { exchange: SpanRecord }>;
type TappedConnection = Exclude<Tapped, TappedExchange>;

/**
 * An ExportLogsServiceRequest: a record each, with Istio's labels of both ends and the attributes of spans, so that any
 * receiver of OTLP can read it; and one for each tap with what it does not show.
 */
export function encodeTapped(
  writer: ProtobufWriter,
  { tapped, notShown }: TappedBatch,
  proxyId: string,
): Buffer {
  for (const [workload, its] of Map.groupBy(tapped, (one) => one.workload)) {
    writer.message(1, () => {
      writeResource(writer, resourceOf(workload));
      writer.message(2, () => {
        writeScope(writer);
        for (const one of its) writer.message(2, () => writeTapped(writer, one));
      });
    });
  }
  if (notShown.size > 0) {
    writer.message(1, () => {
      writeResource(writer, [
        ["service.name", "heddle-proxy"],
        ["service.instance.id", proxyId],
      ]);
      writer.message(2, () => {
        writeScope(writer);
        for (const [id, count] of notShown) {
          writer.message(2, () => writeNotShown(writer, id, count));
        }
      });
    });
  }
  return writer.take();
}

function writeTapped(writer: ProtobufWriter, tapped: Tapped): void {
  if ("exchange" in tapped) writeExchange(writer, tapped);
  else writeConnection(writer, tapped);
}

function writeExchange(writer: ProtobufWriter, tapped: TappedExchange): void {
  const { exchange, isTraced, headers, tapIds } = tapped;
  const { pair, status, flags, failedBy, grpcStatus, startEpochMs, durationMs, way } = exchange;
  const { method } = exchange;
  const path = exchange.path.slice(0, MAX_PATH);
  writeHead(writer, {
    ...{ name: "heddle.tap.request", tapIds, atEpochMs: startEpochMs },
    observedEpochMs: startEpochMs + durationMs,
    words: `${method} ${path} ${status}`,
  });
  writer.hex(9, exchange.traceId);
  writer.hex(10, exchange.spanId);
  const protocol = grpcStatus === undefined ? "http" : "grpc";
  const labels = { ...pair, responseCode: status, responseFlags: flags, failedBy, protocol };
  writeAttributes(
    writer,
    ATTRIBUTES,
    trafficLabels({ ...labels, protocol, grpcStatus }, exchange.clientAddress),
  );
  const attribute = (name: string, value: string | number | undefined) => {
    if (value !== undefined) writeAttribute(writer, ATTRIBUTES, name, value);
  };
  attribute("http.request.method", method);
  attribute("url.path", path);
  attribute("server.address", exchange.authority?.slice(0, 256));
  attribute("heddle.protocol", exchange.protocol);
  attribute("heddle.duration_us", microseconds(durationMs));
  attribute("request_size", exchange.requestBytes);
  attribute("response_size", exchange.responseBytes);
  attribute("guid:x-request-id", exchange.requestId);
  attribute("heddle.traced", isTraced ? "true" : "false");
  attribute("peer.address", exchange.kind === "server" ? exchange.peerAddress : undefined);
  attribute("heddle.rule", way?.rule);
  attribute("heddle.revision", way?.revision);
  attribute("heddle.endpoint", way?.endpoint);
  attribute("retry.count", way?.retryCount);
  for (const [name, value] of headers) attribute(`http.request.header.${name}`, value);
}

function writeConnection(writer: ProtobufWriter, tapped: TappedConnection): void {
  const { connection, tapIds, atEpochMs } = tapped;
  const { kind, pair, flags, failedBy, durationMs, authority, endpoint } = connection;
  const words = `connection ${kind}`;
  const name = `heddle.tap.connection.${kind}`;
  writeHead(writer, { name, tapIds, atEpochMs, observedEpochMs: atEpochMs, words });
  const labels = tcpLabels({ ...pair, responseFlags: flags, failedBy }, pair.sourceAddress);
  writeAttributes(writer, ATTRIBUTES, labels);
  if (authority !== undefined) {
    writeAttribute(writer, ATTRIBUTES, "server.address", authority.slice(0, 256));
  }
  if (endpoint !== undefined) writeAttribute(writer, ATTRIBUTES, "heddle.endpoint", endpoint);
  if (kind !== "closed") return;
  writeAttribute(writer, ATTRIBUTES, "heddle.duration_us", microseconds(durationMs));
  writeAttribute(writer, ATTRIBUTES, "request_size", connection.upBytes);
  writeAttribute(writer, ATTRIBUTES, "response_size", connection.downBytes);
}

function writeNotShown(writer: ProtobufWriter, tapId: string, count: number): void {
  const atEpochMs = performance.timeOrigin + performance.now();
  const words = `${count} not shown`;
  const name = "heddle.tap.not_shown";
  writeHead(writer, { name, tapIds: [tapId], atEpochMs, observedEpochMs: atEpochMs, words });
  writeAttribute(writer, ATTRIBUTES, "heddle.tap.not_shown", count);
}

/** What every LogRecord begins with. */
function writeHead(
  writer: ProtobufWriter,
  head: {
    readonly name: string;
    readonly tapIds: readonly string[];
    readonly atEpochMs: number;
    readonly observedEpochMs: number;
    readonly words: string;
  },
): void {
  writer.fixedBig64(1, unixNano(head.atEpochMs));
  writer.uint(2, SEVERITY_INFO);
  writer.message(5, () => writer.string(1, head.words));
  writer.fixedBig64(11, unixNano(head.observedEpochMs));
  writer.string(12, head.name);
  writeAttribute(writer, ATTRIBUTES, "heddle.tap.ids", head.tapIds.join(","));
}

function microseconds(ms: number): number {
  return Math.max(0, Math.round(ms * 1_000));
}
