import { type ServiceId, serviceFqdn } from "@heddle/mesh";
import type { HostRef } from "./documents/document.ts";

// RFC 1123 label: what a name of a service, workload or namespace is made of.
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Lower-case letters, digits and inner hyphens, 1 to 63 of them (RFC 1123). */
export function isDnsLabel(text: string): boolean {
  return DNS_LABEL.test(text);
}

/**
 * The service a host names, seen from a namespace: `reviews`, `reviews.shop`, `reviews.shop.svc` and
 * `reviews.shop.svc.cluster.local` (case, a trailing dot and a port aside). `undefined`: a name that can
 * only lie outside the mesh, such as `api.example.com`, an IP address or a wildcard.
 */
export function parseServiceHost(host: string, namespace: string): ServiceId | undefined {
  const bare = host
    .toLowerCase()
    .replace(/:\d{1,5}$/, "")
    .replace(/\.$/, "");
  const [name = "", inNamespace = namespace, ...rest] = bare.split(".");
  const suffix = rest.join(".");
  if (suffix !== "" && suffix !== "svc" && suffix !== "svc.cluster.local") return undefined;
  if (!isDnsLabel(name) || !isDnsLabel(inNamespace)) return undefined;
  return { namespace: inNamespace, name };
}

/** A host as a document of `namespace` means it (see `HostRef`). */
export function readHost(text: string, namespace: string): HostRef {
  const host = text.toLowerCase().replace(/(?<=.)\.$/, "");
  const service = parseServiceHost(host, namespace);
  if (!service) return { host, service: { namespace: "", name: host } };
  const isShort = !host.includes(".") || host.endsWith(".svc");
  return { host: isShort ? serviceFqdn(service) : host, service };
}
