import type { ServiceId } from "../identity/workload-id.ts";

const CLUSTER_DOMAIN = "cluster.local";
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** `reviews.shop.svc.cluster.local`: the name that means one service everywhere. */
export function serviceFqdn(service: ServiceId): string {
  return `${service.name}.${service.namespace}.svc.${CLUSTER_DOMAIN}`;
}

/**
 * The service a host name means when an app of `namespace` uses it: `reviews`, `reviews.shop`,
 * `reviews.shop.svc` and `reviews.shop.svc.cluster.local`, in any case, with or without a port or a
 * final dot. It says nothing about whether that service exists. `undefined`: no such form
 * (`www.example.com`, an IP address).
 */
export function serviceOfHost(host: string, namespace: string): ServiceId | undefined {
  const labels = hostWithoutPort(host).split(".");
  if (!labels.every((label) => LABEL.test(label)) || labels.every(isNumber)) return undefined;
  const [name = "", itsNamespace, ...rest] = labels;
  if (itsNamespace === undefined) return { namespace, name };
  const suffix = rest.join(".");
  if (suffix !== "" && suffix !== "svc" && suffix !== `svc.${CLUSTER_DOMAIN}`) return undefined;
  return { namespace: itsNamespace, name };
}

/** Host of an authority in lower case, without port and final dot; an IPv6 address keeps its brackets. */
export function hostWithoutPort(authority: string): string {
  const lower = authority.toLowerCase();
  const bracket = lower.lastIndexOf("]");
  const colon = lower.lastIndexOf(":");
  const host = colon > bracket ? lower.slice(0, colon) : lower;
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

function isNumber(label: string): boolean {
  return /^\d+$/.test(label);
}
