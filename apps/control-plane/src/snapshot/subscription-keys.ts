import type { Subscription } from "@heddle/contracts";
import { formatId, serviceOfHost } from "@heddle/mesh";
import { hostKeys } from "./host-index.ts";

/** Touched when workloads may reach other services than before: every subscription depends on it. */
export const SIDECARS = "sidecars";

export function subscriptionKey({ namespace, host }: Subscription): string {
  return `${namespace} ${host}`;
}

/** The keys a subscription depends on, whether it resolves yet or not. */
export function subscriptionInterest(subscription: Subscription): string[] {
  const service = serviceOfHost(subscription.host, subscription.namespace);
  const named = service ? [`service/${formatId(service)}`, `endpoints/${formatId(service)}`] : [];
  return [...named, ...hostKeys(subscription.host), SIDECARS];
}
