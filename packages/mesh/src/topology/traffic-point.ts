import type { FailedBy } from "../signals/traffic-tally.ts";
import {
  externalNode,
  outsideNode,
  serviceNode,
  type TrafficNode,
  workloadNode,
} from "./traffic-node.ts";

/** Labels of one data point; Istio's names (docs/architecture.md "Telemetry"). */
export type TrafficLabels = Readonly<Record<string, string | number | boolean>>;

/** What a data point's labels say: between whom, who counted, and how the requests ended. */
export type TrafficPoint = {
  readonly reporter: "source" | "destination";
  readonly source: TrafficNode;
  readonly destination: TrafficNode;
  readonly isError: boolean;
  readonly failedBy: FailedBy;
  /** `unknown` where the source counted: only the receiver knows what it accepted. */
  readonly transport: "mtls" | "plaintext" | "unknown";
  /** The caller's identity as the receiving proxy verified it. */
  readonly sourcePrincipal: string | undefined;
};

const OUTSIDE_CLUSTERS = new Set(["PassthroughCluster", "BlackHoleCluster"]);
/** A DNS name's limit; what is longer is no name of ours. */
const MAX_NAME_LENGTH = 253;

/** `undefined`: no reporter, a name that cannot be one, or a destination that is not named at all. */
export function readTrafficPoint(labels: TrafficLabels): TrafficPoint | undefined {
  const reporter = labels["reporter"];
  if (reporter !== "source" && reporter !== "destination") return undefined;
  const source = sourceOf(labels);
  const destination = destinationOf(labels);
  if (source === undefined || destination === undefined) return undefined;
  const code = Number(labels["response_code"] ?? 0);
  return {
    reporter,
    source,
    destination,
    isError: !(code > 0 && code < 500), // no code, or one that is no number, is no answer
    failedBy: failedBy(labels["heddle_failed_by"]),
    transport: reporter === "source" ? "unknown" : transportOf(labels),
    sourcePrincipal: reporter === "destination" ? known(labels, "source_principal") : undefined,
  };
}

/** The caller and the called of a `heddle_plaintext_refused_total` point. */
export function readRefusedPoint(
  labels: TrafficLabels,
): { readonly source: TrafficNode; readonly destination: TrafficNode } | undefined {
  const destination = destinationOf(labels);
  if (destination?.kind !== "workload") return undefined;
  return { source: outsideNode(known(labels, "heddle_source_address") ?? "unknown"), destination };
}

function sourceOf(labels: TrafficLabels): TrafficNode | undefined {
  const workload = known(labels, "source_workload");
  const namespace = known(labels, "source_workload_namespace");
  if (workload !== undefined && namespace !== undefined) {
    return workloadNode({
      namespace,
      workload,
      service: known(labels, "source_canonical_service"),
      version: known(labels, "source_canonical_revision"),
    });
  }
  return outsideNode(known(labels, "heddle_source_address") ?? "unknown");
}

function destinationOf(labels: TrafficLabels): TrafficNode | undefined {
  const workload = known(labels, "destination_workload");
  const namespace = known(labels, "destination_workload_namespace");
  if (workload !== undefined && namespace !== undefined) {
    return workloadNode({
      namespace,
      workload,
      service:
        known(labels, "destination_canonical_service") ?? known(labels, "destination_service_name"),
      version: known(labels, "destination_canonical_revision"),
    });
  }
  const service = known(labels, "destination_service_name");
  if (service !== undefined && OUTSIDE_CLUSTERS.has(service)) {
    return externalNode(known(labels, "destination_service") ?? "unknown");
  }
  const serviceNamespace = known(labels, "destination_service_namespace");
  if (service !== undefined && serviceNamespace !== undefined) {
    return serviceNode(serviceNamespace, service);
  }
  const host = known(labels, "destination_service");
  return host === undefined ? undefined : externalNode(host);
}

function transportOf(labels: TrafficLabels): "mtls" | "plaintext" | "unknown" {
  const policy = labels["connection_security_policy"];
  return policy === "mutual_tls" ? "mtls" : policy === "none" ? "plaintext" : "unknown";
}

function failedBy(label: unknown): FailedBy {
  if (label === "outbound-proxy" || label === "inbound-proxy" || label === "network") return label;
  return "app";
}

/** Only names that can stand in an id: no blanks, no control characters, no `->`. */
function known(labels: TrafficLabels, name: string): string | undefined {
  const value = labels[name];
  if (typeof value !== "string" || value === "" || value === "unknown") return undefined;
  if (value.length > MAX_NAME_LENGTH || /[\s\p{Cc}>]/u.test(value)) return undefined;
  return value;
}
