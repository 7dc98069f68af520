import type { PreflightCaller } from "@heddle/contracts";

/** A caller of shipping that cannot prove who it is, for tests. `known`: its WorkloadEntry's name. */
export function caller({
  known,
  ...given
}: Partial<PreflightCaller> & { readonly known?: string }): PreflightCaller {
  return {
    namespace: "shop",
    workload: "shipping-v3",
    sourceAddress: "10.0.4.17",
    names: known === undefined ? [] : [{ kind: "WorkloadEntry", namespace: "shop", name: known }],
    label: known ?? "not known",
    requests: 18,
    requestsPerSecond: 0.6,
    refused: 0,
    reasons: [],
    lastSeenMs: 0,
    ...given,
  };
}
