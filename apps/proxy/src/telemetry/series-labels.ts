import type { PeerLabels, SeriesLabels } from "../core/traffic-recorder.ts";

/** Label names and values of one series, in the order they are written. */
export type LabelSet = readonly (readonly [name: string, value: string])[];

/** Istio's labels of a request metric, and Heddle's two (docs/architecture.md, "Telemetry"). */
export function trafficLabels(labels: SeriesLabels, sourceAddress: string | undefined): LabelSet {
  const { source, destination } = labels;
  const set: (readonly [string, string])[] = [
    ["reporter", labels.reporter],
    ...peerLabels("source", source),
    ...peerLabels("destination", destination),
    ["destination_service", labels.destinationService],
    ["destination_service_name", labels.destinationServiceName],
    ["destination_service_namespace", labels.destinationServiceNamespace],
    ["request_protocol", "http"],
    ["response_code", String(labels.responseCode)],
    ["response_flags", labels.responseFlags],
    ["connection_security_policy", labels.security],
    ["heddle_failed_by", labels.failedBy],
  ];
  if (sourceAddress !== undefined) set.push(["heddle_source_address", sourceAddress]);
  return set;
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
