import { type ServiceId, serviceFqdn } from "@heddle/mesh";
import { isDnsLabel } from "@heddle/resources";

/**
 * The host that means a service everywhere: its FQDN, or the name itself for a host that only a document
 * names (`api.example.com`, `*.example.com`).
 */
export function hostOf(service: ServiceId): string {
  return isDnsLabel(service.name) ? serviceFqdn(service) : service.name;
}

/** `.example.com` of `*.example.com`, empty for `*`; `undefined`: no wildcard. */
export function wildcardSuffix(host: string): string | undefined {
  return host.startsWith("*") ? host.slice(1) : undefined;
}

/** Whether a document's host takes a service's host in: the same, or a wildcard over it. */
export function coversHost(pattern: string, host: string): boolean {
  if (pattern === host) return true;
  const suffix = wildcardSuffix(pattern);
  return suffix !== undefined && host.length > suffix.length && host.endsWith(suffix);
}

/** The suffixes under which a wildcard may cover a host, the longest first: `.b.c`, `.c` and "" of `a.b.c`. */
export function suffixesOf(host: string): string[] {
  const suffixes: string[] = [];
  for (let dot = host.indexOf(".", 1); dot !== -1; dot = host.indexOf(".", dot + 1)) {
    suffixes.push(host.slice(dot));
  }
  return [...suffixes, ""];
}
