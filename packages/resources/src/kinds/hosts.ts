import { isIP } from "node:net";
import { z } from "zod";
import type { Visibility } from "../documents/document.ts";
import { dnsLabel } from "./fields.ts";

const LABEL = /^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;
const WILDCARD_LABEL = /^(\*|\*-)?([a-zA-Z0-9]([-a-zA-Z0-9]{0,60}[a-zA-Z0-9])?)?$/;

/** What is wrong with a DNS name as Istio checks them; a wildcard may stand in the first label. */
export function findHostFault(host: string, allowsWildcard: boolean): string | undefined {
  if (host.length === 0) return "empty domain name not allowed";
  if (host.length > 255) return "domain name too long (max 255)";
  const [first = "", ...rest] = host.split(".");
  const hasWildcard = allowsWildcard && first.startsWith("*");
  if (hasWildcard && !WILDCARD_LABEL.test(first)) return labelFault(first);
  const names = hasWildcard ? rest : [first, ...rest];
  const last = names.at(-1);
  if (last !== undefined && /^\d+$/.test(last)) {
    return `domain name invalid (top level domain ${JSON.stringify(last)} cannot be all-numeric)`;
  }
  const wrong = names.find(
    (name, index) => !LABEL.test(name) && !(name === "" && index === names.length - 1 && index > 0),
  );
  return wrong === undefined ? undefined : labelFault(wrong);
}

function labelFault(label: string): string {
  return `domain name invalid (label ${JSON.stringify(label)} invalid); expected names of letters, digits and hyphens, with dots between`;
}

/** A name without wildcard: a service of the mesh or a host outside. */
export const fqdn = z.string().superRefine((host, context) => {
  const fault = findHostFault(host, false);
  if (fault) context.addIssue(fault);
});

/** A name that may begin with a wildcard, or an IP address. */
export const wildcardHost = z.string().superRefine((host, context) => {
  const fault = isIP(host) !== 0 ? undefined : findHostFault(host, true);
  if (fault) context.addIssue(fault);
});

/** Whether a pattern (`*.foo.com`, `*`) takes in all of another, or another name. */
export function coversHost(pattern: string, host: string): boolean {
  const [outer, inner] = [pattern.toLowerCase(), host.toLowerCase()];
  if (!outer.startsWith("*")) return outer === inner;
  const bare = inner.startsWith("*") ? inner.slice(1) : inner;
  return bare.endsWith(outer.slice(1));
}

// With the ~ of the names that Istio makes up for itself: no gateway is served here anyway.
const GATEWAY = /^[a-z0-9]([-a-z0-9~]*[a-z0-9])?$/;

const gatewayName = z.string().superRefine((name, context) => {
  const [namespace = "", gateway, ...rest] = name.split("/");
  if (gateway === undefined) {
    const fault = findHostFault(name, false);
    if (fault) context.addIssue(fault);
  } else if (namespace === "" || gateway === "") {
    context.addIssue("config namespace and gateway name cannot be empty");
  } else if (!dnsLabel.safeParse(namespace).success) {
    context.addIssue(`invalid value for namespace: ${JSON.stringify(namespace)}`);
  } else if (rest.length > 0 || !GATEWAY.test(gateway)) {
    context.addIssue("invalid value for gateway name; expected <namespace>/<name>");
  }
});
export const gatewayNames = z.array(gatewayName);

/** For sidecars: nothing is said, or `mesh` is among the names. */
export function holdsForMesh(gateways: readonly string[] | undefined): boolean {
  return gateways === undefined || gateways.length === 0 || gateways.includes("mesh");
}

/** `exportTo`, unresolved; what contradicts itself is found by `readVisibility`. */
export const exportTo = z.array(z.string()).optional();

/** Resolves `.` and says what is wrong; `~` (nobody) is for ServiceEntries alone. */
export function readVisibility(
  list: readonly string[] | undefined,
  namespace: string,
  allowsNobody: boolean,
): { readonly visibleTo: Visibility; readonly fault: string | undefined } {
  const names = (list ?? []).map((name) => (name === "." ? namespace : name));
  const fault = findVisibilityFault(names, list ?? [], namespace, allowsNobody);
  if (names.length === 0 || names.includes("*")) return { visibleTo: "*", fault };
  return { visibleTo: names.filter((name) => name !== "~"), fault };
}

function findVisibilityFault(
  names: readonly string[],
  written: readonly string[],
  namespace: string,
  allowsNobody: boolean,
): string | undefined {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    return twice === namespace && written.includes(".")
      ? `duplicate entries in exportTo: . and current namespace ${namespace}`
      : `duplicate entries in exportTo for entry ${twice}`;
  }
  if (names.includes("~") && !allowsNobody)
    return 'only a ServiceEntry can be exported to no one ("~")';
  if (names.length > 1 && names.includes("~")) {
    return "cannot export service entry to no one (~) and someone";
  }
  if (names.length > 1 && names.includes("*")) {
    return "cannot have both public (*) and non-public exportTo values for a resource";
  }
  const wrong = names.find(
    (name) => name !== "*" && name !== "~" && !dnsLabel.safeParse(name).success,
  );
  return wrong === undefined
    ? undefined
    : `only ., *, or a valid DNS 1123 label is allowed as exportTo entry; ${JSON.stringify(wrong)} is none`;
}
