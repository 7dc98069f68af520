import type { EffectiveMtls, PeerAuthentication } from "./mtls-mode.ts";

/** Istio's default root namespace: an unselective policy here holds for the whole mesh. */
export const ROOT_NAMESPACE = "istio-system";

/**
 * The mode that holds for a workload, as Istio's PeerAuthentication resolves it: a policy that selects
 * the workload, else its namespace's, else the mesh's, else PERMISSIVE. UNSET (`mode` undefined)
 * inherits from the next level. Of two policies at one level the oldest holds, the other is ignored;
 * policies of equal age go by name. Policies with a selector in the root namespace are ignored.
 */
export function resolveMtlsMode(
  policies: readonly PeerAuthentication[],
  workload: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> },
  rootNamespace: string = ROOT_NAMESPACE,
): EffectiveMtls {
  for (const level of levelsOf(policies, workload, rootNamespace)) {
    const policy = oldest(level);
    if (policy?.mode === undefined) continue;
    return { mode: policy.mode, policy: { namespace: policy.namespace, name: policy.name } };
  }
  return { mode: "PERMISSIVE", policy: undefined };
}

/** Whether a policy's selector takes a workload in; a policy without one takes its whole level in. */
export function selects(
  policy: Pick<PeerAuthentication, "namespace" | "selector">,
  workload: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> },
  rootNamespace: string = ROOT_NAMESPACE,
): boolean {
  if (policy.selector === undefined) {
    return policy.namespace === workload.namespace || policy.namespace === rootNamespace;
  }
  if (policy.namespace !== workload.namespace || policy.namespace === rootNamespace) return false;
  return Object.entries(policy.selector).every(([key, value]) => workload.labels[key] === value);
}

function levelsOf(
  policies: readonly PeerAuthentication[],
  workload: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> },
  rootNamespace: string,
): PeerAuthentication[][] {
  const holding = policies.filter((policy) => selects(policy, workload, rootNamespace));
  return [
    holding.filter((policy) => policy.selector !== undefined),
    holding.filter((policy) => policy.selector === undefined && policy.namespace !== rootNamespace),
    holding.filter((policy) => policy.selector === undefined && policy.namespace === rootNamespace),
  ];
}

function oldest(policies: readonly PeerAuthentication[]): PeerAuthentication | undefined {
  return policies.reduce<PeerAuthentication | undefined>((first, policy) => {
    if (first === undefined || policy.createdAtMs < first.createdAtMs) return policy;
    return policy.createdAtMs === first.createdAtMs && policy.name < first.name ? policy : first;
  }, undefined);
}
