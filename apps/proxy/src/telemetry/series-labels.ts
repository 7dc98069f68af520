import type { PeerLabels, SeriesLabels, TcpSeriesLabels } from "../core/traffic-recorder.ts";

/** Label names and values of one series, in the order they are written. */
export type LabelSet = readonly (readonly [name: string, value: string])[];

/** Istio's labels of a request metric, and Heddle's two (docs/architecture.md, "Telemetry"). */
export function trafficLabels(labels: SeriesLabels, sourceAddress: string | undefined): LabelSet {
  const set = [
    ...commonLabels(labels),
    ["request_protocol", labels.protocol ?? "http"] as const,
    ["response_code", String(labels.responseCode)] as const,
  ];
  if (labels.protocol === "grpc") set.push(["grpc_response_status", labels.grpcStatus ?? ""]);
  if (sourceAddress !== undefined) set.push(["heddle_source_address", sourceAddress]);
  return set;
}

/** Istio's labels of a TCP metric. */
export function tcpLabels(labels: TcpSeriesLabels, sourceAddress: string | undefined): LabelSet {
  const set = [...commonLabels(labels), ["request_protocol", "tcp"] as const];
  if (sourceAddress !== undefined) set.push(["heddle_source_address", sourceAddress]);
  return set;
}

function commonLabels(labels: TcpSeriesLabels): LabelSet {
  return [
    ["reporter", labels.reporter],
    ...peerLabels("source", labels.source),
    ...peerLabels("destination", labels.destination),
    ["destination_service", labels.destinationService],
    ["destination_service_name", labels.destinationServiceName],
    ["destination_service_namespace", labels.destinationServiceNamespace],
    ["response_flags", labels.responseFlags],
    ["connection_security_policy", labels.security],
    ["heddle_failed_by", labels.failedBy],
  ];
}

function peerLabels(side: "source" | "destination", peer: PeerLabels): LabelSet {
  return [
    [`${side}_workload`, peer.workload],
    [`${side}_workload_namespace`, peer.namespace],
    [`${side}_canonical_service`, peer.service],
    [`${side}_canonical_revision`, peer.version],
    [`${side}_principal`, peer.principal],
    [`${side}_app`, peer.service],
    [`${side}_version`, peer.version],
  ];
}
