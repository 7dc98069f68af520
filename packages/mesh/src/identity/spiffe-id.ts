import type { WorkloadId } from "./workload-id.ts";

/** The identity in a workload certificate's URI SAN. */
export type SpiffeId = { readonly trustDomain: string; readonly workload: WorkloadId };

/** `spiffe://<trust-domain>/ns/<namespace>/sa/<workload>`, as Istio writes it. */
export function formatSpiffeId(id: SpiffeId): string {
  return `spiffe://${id.trustDomain}/ns/${id.workload.namespace}/sa/${id.workload.name}`;
}

const SPIFFE_ID = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/;

/** `undefined`: not a workload identity of this shape (another path layout, another scheme). */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  const match = SPIFFE_ID.exec(text);
  if (!match) return undefined;
  const [, trustDomain, namespace, name] = match;
  if (!trustDomain || !namespace || !name) return undefined;
  return { trustDomain, workload: { namespace, name } };
}
