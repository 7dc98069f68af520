import type { LeveledPolicy, TrafficPolicy } from "./traffic-policy.ts";

/**
 * The policy that holds for one port of a service or subset, by DestinationRule's levels: the rule's
 * entry for the port, else the rule's own blocks; over it the subset's blocks, each as a whole; over it
 * the subset's entry for the port. A port entry replaces all four blocks it can hold: what it leaves
 * out falls to the defaults, not to the level above. It cannot hold a retry budget, so that of its
 * level stays. `port` is the service's; `undefined`: not known, no port entry applies.
 */
export function effectivePolicy(
  rule: LeveledPolicy | undefined,
  subset: LeveledPolicy | undefined,
  port: number | undefined,
): TrafficPolicy {
  return overlay(overlay({}, rule, port), subset, port);
}

function overlay(
  base: TrafficPolicy,
  level: LeveledPolicy | undefined,
  port: number | undefined,
): TrafficPolicy {
  if (level === undefined) return base;
  const entry = port === undefined ? undefined : level.ports?.[port];
  const budget = entry?.retryBudget ?? level.retryBudget ?? base.retryBudget;
  if (entry !== undefined) {
    const { loadBalancer, connectionPool, outlierDetection, tls } = entry;
    return { loadBalancer, connectionPool, outlierDetection, tls, retryBudget: budget };
  }
  return {
    loadBalancer: level.loadBalancer ?? base.loadBalancer,
    connectionPool: level.connectionPool ?? base.connectionPool,
    outlierDetection: level.outlierDetection ?? base.outlierDetection,
    tls: level.tls ?? base.tls,
    retryBudget: budget,
  };
}
