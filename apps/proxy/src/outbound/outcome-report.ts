import type { SpanRecord } from "../core/traffic-recorder.ts";
import type { Outcome } from "../transport/answering-exchange.ts";
import type { TraceContext } from "../transport/trace-context.ts";
import type { OutboundRequest } from "./outbound-request.ts";
import type { OutboundSide } from "./outbound-side.ts";

/** What of an exchange is measured, not decided. */
export type Measured = {
  readonly startMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
};

/** Apps reach their sidecar over loopback alone. */
const APP_ADDRESS = "127.0.0.1";

/** Leaves an exchange in the metrics, and, where that is wanted, in a span and in the access log. */
export function reportOutcome(
  side: OutboundSide,
  request: OutboundRequest,
  trace: TraceContext,
  measured: Measured,
  { status, flag, failedBy, grpcStatus }: Outcome,
): void {
  const { recorder, workload } = side.parts;
  const { live, view } = request;
  const nowMs = performance.now();
  const durationMs = nowMs - measured.startMs;
  // How long a tunnel stays open is up to its ends: its latency is how long it took to open.
  const latencyMs = (request.tunnelOpenMs ?? nowMs) - measured.startMs;
  const table =
    live === undefined || request.destination?.isOriginal === true
      ? side.series.ofHost(view?.fqdn ?? outsideName(request), view?.service)
      : side.series.ofEndpoint(live, request.destination?.fqdn ?? "");
  const series = table.seriesOf(status, flag, failedBy, grpcStatus);
  recorder.record(series, latencyMs, measured.requestBytes, measured.responseBytes);
  if (view?.isBypassed === true) {
    const outcome = status === 0 || status >= 500 ? "failed" : "served";
    side.counts.add("heddle_bypassed_total", view.service, outcome);
  }
  const { requestBytes, responseBytes } = measured;
  const { signals } = side;
  const wanted = signals.wanted(
    trace.isSampled,
    status,
    grpcStatus,
    durationMs,
    requestBytes,
    responseBytes,
  );
  if (wanted === 0) return;
  const exchange: SpanRecord = {
    kind: "client",
    workload,
    pair: table.pair,
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentSpanId: trace.parentSpanId,
    startEpochMs: performance.timeOrigin + measured.startMs,
    durationMs,
    method: request.method,
    service: view?.service.name ?? request.authority,
    path: request.path,
    status,
    sourceWorkload: side.source,
    destinationWorkload:
      live === undefined ? "unknown" : `${live.workload.namespace}/${live.workload.name}`,
    flags: flag,
    failedBy,
    grpcStatus,
    requestId: trace.requestId,
    way: {
      rule: request.route?.name,
      revision: view?.revision ?? 0,
      cluster: request.clusterName,
      endpoint: live && `${live.endpoint.address}:${live.port}`,
      retryCount: request.retryCount,
    },
    isBypassed: view?.isBypassed,
    askedService: view && `${view.service.namespace}/${view.service.name}`,
    matchedHeaders: view?.matchedHeaders,
    authority: request.authority,
    protocol: grpcStatus === undefined ? `HTTP/1.${request.head.minorVersion}` : "HTTP/2",
    requestBytes,
    responseBytes,
    peerAddress: APP_ADDRESS,
  };
  signals.leave(wanted, exchange, (name) => request.header(name));
}

function outsideName({ outside, authority }: OutboundRequest): string {
  return outside?.host ?? (authority === "" ? "unknown" : authority);
}
