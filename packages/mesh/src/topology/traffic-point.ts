import type { FailedBy, FailureKind } from "../signals/failure-kinds.ts";
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
  readonly protocol: "http" | "grpc" | "tcp";
  /** `undefined`: no failure. Of opaque connections: those that found no other end. */
  readonly failure: FailureKind | undefined;
  /** Of opaque connections: whether it was opened at all; one whose caller left before that failed nobody. */
  readonly isOpened: boolean;
  /** It met a fault that a rule has injected. */
  readonly isFaultInjected: boolean;
  /** Answered 101: what follows is a connection (WebSocket), whose life is no latency. */
  readonly isUpgraded: boolean;
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
  const protocol = protocolOf(labels["request_protocol"]);
  const flags = flagsOf(labels["response_flags"]);
  const isOpened = flags === "-";
  return {
    reporter,
    source,
    destination,
    protocol,
    failure: protocol === "tcp" ? tcpFailure(labels, flags) : requestFailure(labels, flags),
    isOpened,
    isFaultInjected: /\b(DI|FI)\b/.test(flags),
    isUpgraded: Number(labels["response_code"]) === 101,
    transport: reporter === "source" ? "unknown" : transportOf(labels),
    sourcePrincipal: reporter === "destination" ? known(labels, "source_principal") : undefined,
  };
}

/** The caller and the called of a point that counts connections refused, or that STRICT would refuse. */
export function readRefusedPoint(
  labels: TrafficLabels,
): { readonly source: TrafficNode; readonly destination: TrafficNode } | undefined {
  const destination = destinationOf(labels);
  if (destination?.kind !== "workload") return undefined;
  return { source: outsideNode(known(labels, "heddle_source_address") ?? "unknown"), destination };
}

/**
 * The caller and the called workload of one of Heddle's own counters. `undefined`: it does not say both,
 * as where no endpoint was chosen.
 */
export function readEventPoint(
  labels: TrafficLabels,
): { readonly source: TrafficNode; readonly destination: TrafficNode } | undefined {
  const workload = known(labels, "source_workload");
  const namespace = known(labels, "source_workload_namespace");
  if (workload === undefined || namespace === undefined) return undefined;
  const destination = destinationOf(labels);
  if (destination?.kind !== "workload" && destination?.kind !== "external") return undefined;
  const version = undefined; // not told: another metric of the same workload knows
  const source = workloadNode({ namespace, workload, service: undefined, version });
  return { source, destination };
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
  const outside = outsideHost(labels);
  if (outside !== undefined) return externalNode(outside);
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
  const serviceNamespace = known(labels, "destination_service_namespace");
  if (service !== undefined && serviceNamespace !== undefined) {
    return serviceNode(serviceNamespace, service);
  }
  const host = known(labels, "destination_service");
  return host === undefined ? undefined : externalNode(host);
}

/**
 * The host of a destination outside the mesh, without port: passed through, or a ServiceEntry's, whose
 * service is its host, unless a workload has proven who it is.
 */
function outsideHost(labels: TrafficLabels): string | undefined {
  const service = known(labels, "destination_service_name");
  if (service === undefined) return undefined;
  const host = known(labels, "destination_service");
  if (OUTSIDE_CLUSTERS.has(service))
    return host?.replace(/^([^:]+|\[.*\]):\d+$/, "$1") ?? "unknown";
  const isEntry = host === service && known(labels, "destination_principal") === undefined;
  return isEntry ? host : undefined;
}

function transportOf(labels: TrafficLabels): "mtls" | "plaintext" | "unknown" {
  const policy = labels["connection_security_policy"];
  return policy === "mutual_tls" ? "mtls" : policy === "none" ? "plaintext" : "unknown";
}

/** UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: the server's fault. */
const GRPC_FAILURES = new Set(["2", "4", "12", "13", "14", "15"]);
const MAX_FLAGS_LENGTH = 32;

function requestFailure(labels: TrafficLabels, flags: string): FailureKind | undefined {
  const code = Number(labels["response_code"] ?? 0);
  const status = labels["grpc_response_status"];
  const grpcStatus = typeof status === "string" && /^\d{1,2}$/.test(status) ? status : "";
  const isGood = code > 0 && code < 500; // no code, or one that is no number, is no answer
  const isGrpc = labels["request_protocol"] === "grpc";
  if (isGood && !(isGrpc && isGrpcFailure(grpcStatus, flags))) return undefined;
  const failedCode = Number.isInteger(code) && code > 0 && code < 1000 ? code : 0;
  return { failedBy: failedBy(labels["heddle_failed_by"]), flags, code: failedCode, grpcStatus };
}

/** A call whose answer broke off before it said a status has failed, unless the caller left. */
function isGrpcFailure(grpcStatus: string, flags: string): boolean {
  if (grpcStatus === "") return flags !== "-" && flags !== "DC";
  return GRPC_FAILURES.has(grpcStatus);
}

/** A caller that leaves before the connection is open (DC) is nobody's failure. */
function tcpFailure(labels: TrafficLabels, flags: string): FailureKind | undefined {
  if (flags === "-" || flags === "DC") return undefined;
  return { failedBy: failedBy(labels["heddle_failed_by"]), flags, code: 0, grpcStatus: "" };
}

function protocolOf(label: unknown): TrafficPoint["protocol"] {
  return label === "grpc" || label === "tcp" ? label : "http";
}

/** Envoy's flags, comma-joined; anything else is none. */
function flagsOf(label: unknown): string {
  if (typeof label !== "string" || label.length > MAX_FLAGS_LENGTH) return "-";
  return /^[A-Z]+(,[A-Z]+)*$/.test(label) ? label : "-";
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
