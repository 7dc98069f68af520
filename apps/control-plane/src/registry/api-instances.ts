import type { InstanceRequest } from "@heddle/contracts";
import type { StoredInstance } from "@heddle/store";

/** Instances without a proxy live so long without a sign of life, unless they say otherwise. */
const DEFAULT_LEASE_S = 30;

export const API_SOURCE = "api";

export function apiInstanceId(namespace: string, name: string): string {
  return `${API_SOURCE}/${namespace}/${name}`;
}

/** What the API was told, as the registry keeps it. Its endpoint is plaintext: nobody ends mTLS there. */
export function toApiInstance(
  namespace: string,
  name: string,
  request: InstanceRequest,
  nowMs: number,
): StoredInstance {
  const { service, version, isHealthy, healthReason, port } = request;
  return {
    instanceId: apiInstanceId(namespace, name),
    proxyId: "",
    source: API_SOURCE,
    namespace,
    workload: name,
    service,
    version,
    labels: { ...request.labels, app: service, ...(version === undefined ? {} : { version }) },
    address: request.address,
    inboundPort: port,
    appPort: port,
    protocol: request.protocol ?? "auto",
    morePorts: [],
    locality: request.locality,
    servesSinceMs: nowMs,
    isDraining: false,
    leaseEndsAtMs: nowMs + (request.leaseSeconds ?? DEFAULT_LEASE_S) * 1000,
    certificateNotAfterMs: undefined,
    weight: request.weight,
    ...(isHealthy === undefined
      ? {}
      : {
          health: {
            status: isHealthy ? ("healthy" as const) : ("unhealthy" as const),
            check: "api" as const,
            reason: isHealthy ? undefined : (healthReason ?? "who registered it says so"),
            sinceMs: nowMs,
          },
        }),
  };
}
