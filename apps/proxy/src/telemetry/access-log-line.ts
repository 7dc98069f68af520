import { formatId } from "@heddle/mesh";
import type { ReadHeader, SpanRecord } from "../core/traffic-recorder.ts";

/** Envoy's %RESPONSE_CODE_DETAILS% by the first flag that says why. */
const DETAILS: Readonly<Record<string, string>> = {
  DC: "downstream_remote_disconnect",
  DPE: "http1.codec_error",
  FI: "fault_filter_abort",
  NC: "cluster_not_found",
  NR: "route_not_found",
  OM: "overload",
  RL: "local_rate_limited",
  SI: "stream_idle_timeout",
  UAEX: "ext_authz_denied",
  UC: "upstream_reset_before_response_started{connection_termination}",
  UF: "upstream_reset_before_response_started{connection_failure}",
  UH: "no_healthy_upstream",
  UO: "upstream_reset_before_response_started{overflow}",
  UPE: "upstream_reset_before_response_started{protocol_error}",
  UR: "upstream_reset_before_response_started{remote_reset}",
  UT: "upstream_response_timeout",
};
const MAX_LENGTH = 2_048;

/**
 * One line of JSON with Istio's keys (its `EnvoyJSONLogFormat`), then Heddle's; what is not known is null.
 * The path comes without its query, and of the headers only those that are no credentials.
 */
export function accessLogLine(exchange: SpanRecord, header: ReadHeader): string {
  const { flags, failedBy, way } = exchange;
  const isServer = exchange.kind === "server";
  const line = {
    start_time: new Date(exchange.startEpochMs).toISOString(),
    method: exchange.method,
    path: shortened(exchange.path),
    protocol: exchange.protocol ?? null,
    response_code: exchange.status,
    response_flags: flags,
    response_code_details: detailsOf(exchange),
    connection_termination_details: null,
    upstream_transport_failure_reason: null,
    bytes_received: exchange.requestBytes ?? 0,
    bytes_sent: exchange.responseBytes ?? 0,
    duration: Math.round(exchange.durationMs),
    upstream_service_time: null,
    x_forwarded_for: shortened(header("x-forwarded-for")),
    user_agent: shortened(header("user-agent")),
    request_id: exchange.requestId,
    authority: shortened(exchange.authority),
    upstream_host: way?.endpoint ?? null,
    upstream_cluster: way?.cluster ?? null,
    upstream_local_address: null,
    downstream_local_address: null,
    downstream_remote_address: exchange.peerAddress ?? null,
    requested_server_name: null,
    route_name: way?.rule ?? null,
    grpc_status: exchange.grpcStatus ? Number(exchange.grpcStatus) : null,
    trace_id: exchange.traceId,
    heddle_workload: formatId(exchange.workload.id),
    heddle_direction: isServer ? "inbound" : "outbound",
    heddle_peer: isServer ? exchange.sourceWorkload : exchange.destinationWorkload,
    heddle_attempts: 1 + (way?.retryCount ?? 0),
    heddle_failed_by: failedBy === "" ? null : failedBy,
    heddle_rule: way?.rule ?? null,
    heddle_revision: way?.revision ?? null,
  };
  return `${JSON.stringify(line)}\n`;
}

function detailsOf({ flags, failedBy, details }: SpanRecord): string {
  if (details !== undefined) return details;
  if (flags === "-") return "via_upstream";
  // An answer that came from an upstream keeps that reason; a flag of the way there is only a note.
  const known = flags.split(",").find((flag) => DETAILS[flag] !== undefined);
  if (known === undefined || failedBy === "app") return "via_upstream";
  return DETAILS[known] as string;
}

function shortened(text: string | undefined): string | null {
  if (text === undefined) return null;
  return text.length <= MAX_LENGTH ? text : text.slice(0, MAX_LENGTH);
}
