import type { PeerLabels } from "../core/traffic-recorder.ts";

/**
 * Who a sidecar says it is where no certificate can say it (mode DISABLE), as Istio's sidecars do. Nothing is
 * decided by it: it puts a call on its own edge of the graph instead of an unknown address's.
 */
export const CLAIM_FIELD = "x-envoy-peer-metadata-id";

const MARK = "heddle";
const MAX_LENGTH = 512;

/** `heddle~<namespace>~<workload>~<service>~<version>` */
export function formatClaim(peer: Omit<PeerLabels, "principal">): string {
  return [MARK, peer.namespace, peer.workload, peer.service, peer.version].join("~");
}

/** `undefined`: something else. */
export function parseClaim(text: string): PeerLabels | undefined {
  const [mark, namespace, workload, service, version, ...rest] = text.split("~");
  if (mark !== MARK || text.length > MAX_LENGTH || rest.length > 0) return undefined;
  if (!namespace || !workload || !service || !version) return undefined;
  return { namespace, workload, service, version, principal: "unknown" };
}
