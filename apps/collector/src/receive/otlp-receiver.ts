import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  decodeLogs,
  decodeLogsJson,
  decodeMetrics,
  decodeMetricsJson,
  decodeTraces,
  decodeTracesJson,
  encodeExportResponse,
  encodeExportStatus,
  exportResponseJson,
  OtlpDecodeError,
  type PartialSuccess,
  type ResourceLogs,
  type ResourceMetrics,
  type ResourceSpans,
} from "@heddle/contracts";
import { type Logger, PortTakenError } from "@heddle/runtime";
import type { CollectorMetrics } from "../collector-metrics.ts";
import { IngestGate, type IngestLimits } from "./ingest-gate.ts";
import { decompress, RefusedRequestError, readBody } from "./request-body.ts";

/** Where decoded telemetry goes. */
export type OtlpSink = {
  metrics(resources: ResourceMetrics[]): PartialSuccess;
  spans(resources: ResourceSpans[]): PartialSuccess;
  logs(resources: ResourceLogs[]): PartialSuccess;
};

export type OtlpReceiver = { readonly port: number; close(): Promise<void> };

type Signal = "metrics" | "spans" | "logs";
type Format = "protobuf" | "json";
const PATHS: Readonly<Record<string, Signal>> = {
  "/v1/metrics": "metrics",
  "/v1/traces": "spans",
  "/v1/logs": "logs",
};
const RETRY_AFTER_SECONDS = 1;
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 10_000;

/**
 * OTLP/HTTP: POST /v1/metrics, /v1/traces and /v1/logs in protobuf or JSON, plain, gzip or deflate. Answers as the
 * specification says: 200 with partial success, 400 not to be retried, 429 with Retry-After.
 */
export async function startOtlpReceiver(parts: {
  readonly host: string;
  readonly port: number;
  readonly limits: IngestLimits;
  readonly sink: OtlpSink;
  readonly metrics: CollectorMetrics;
  readonly logger: Logger;
}): Promise<OtlpReceiver> {
  const { limits, sink, metrics, logger } = parts;
  const gate = new IngestGate(limits);
  metrics.watchGate(gate);

  const take = async (request: IncomingMessage, signal: Signal, format: Format) => {
    const body = await readBody(request, gate, limits);
    try {
      return await gate.inTurn(async () => {
        const plain = await decompress(body, request.headers["content-encoding"], limits);
        metrics.receivedBytes.inc({ signal }, body.length);
        const isJson = format === "json";
        if (signal === "metrics") {
          return sink.metrics(isJson ? decodeMetricsJson(plain) : decodeMetrics(plain));
        }
        if (signal === "spans") {
          return sink.spans(isJson ? decodeTracesJson(plain) : decodeTraces(plain));
        }
        return sink.logs(isJson ? decodeLogsJson(plain) : decodeLogs(plain));
      });
    } finally {
      gate.release(body.length);
    }
  };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const format = formatOf(request);
    try {
      const signal = signalOf(request);
      if (format === undefined) {
        const type = request.headers["content-type"] ?? "none";
        throw new RefusedRequestError(
          415,
          `content-type ${type}: expected application/x-protobuf or application/json`,
        );
      }
      const partial = await take(request, signal, format);
      metrics.requests.inc({ signal, status: "200" });
      if (format === "json") send(response, 200, format, exportResponseJson(partial, signal));
      else send(response, 200, format, encodeExportResponse(partial));
    } catch (error) {
      const { status, message } = refusalOf(error, logger);
      metrics.requests.inc({ signal: PATHS[pathOf(request)] ?? "other", status: String(status) });
      refuse(request, response, status, message, format ?? "json");
    }
  };

  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS, keepAlive: true },
    (request, response) => void handle(request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      reject(new PortTakenError(parts.port, "OTLP/HTTP", "HEDDLE_OTLP_PORT", undefined));
    });
    server.listen(parts.port, parts.host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : parts.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        // Requests under way may end; a sender that holds one open may not hold the shutdown.
        setTimeout(() => server.closeAllConnections(), 1000).unref();
      }),
  };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "").split("?", 1)[0] ?? "";
}

function signalOf(request: IncomingMessage): Signal {
  const path = pathOf(request);
  const signal = PATHS[path];
  if (signal === undefined) {
    throw new RefusedRequestError(404, `no such path; expected ${Object.keys(PATHS).join(" or ")}`);
  }
  if (request.method !== "POST") throw new RefusedRequestError(405, "expected POST");
  return signal;
}

function formatOf(request: IncomingMessage): Format | undefined {
  const type = (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (type === "application/x-protobuf") return "protobuf";
  return type === "application/json" ? "json" : undefined;
}

function refusalOf(error: unknown, logger: Logger): { status: number; message: string } {
  if (error instanceof RefusedRequestError) return { status: error.status, message: error.message };
  if (error instanceof OtlpDecodeError) return { status: 400, message: error.message };
  const isGone = error instanceof Error && "code" in error && error.code === "ECONNRESET";
  if (isGone) return { status: 400, message: "the sender broke off" };
  logger.error({ err: error }, "receiving failed");
  return { status: 500, message: "the collector failed; see its log" };
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  message: string,
  format: Format,
): void {
  if (status === 429) response.setHeader("retry-after", RETRY_AFTER_SECONDS);
  if (status === 405) response.setHeader("allow", "POST");
  if (!request.complete) {
    response.setHeader("connection", "close");
    request.resume(); // what is still on its way is thrown away, within the request's timeout
  }
  send(response, status, format, format === "json" ? { message } : encodeExportStatus(message));
}

function send(response: ServerResponse, status: number, format: Format, body: object): void {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
  const type = format === "json" ? "application/json" : "application/x-protobuf";
  response.writeHead(status, { "content-type": type, "content-length": bytes.length });
  response.end(bytes);
}
