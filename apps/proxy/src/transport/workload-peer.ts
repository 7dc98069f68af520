import type { HostedWorkload } from "../core/hosted-workload.ts";
import type { PeerLabels } from "../core/traffic-recorder.ts";

/** How the workload a proxy works for appears in metrics; its identity may come only later. */
export function peerOf(workload: HostedWorkload): PeerLabels {
  return {
    workload: workload.id.name,
    namespace: workload.id.namespace,
    service: workload.service,
    version: workload.version ?? "latest",
    principal: workload.identity.spiffeId ?? "unknown",
  };
}
