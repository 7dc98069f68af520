import type { CallerWire, Denial, WhyRequest } from "@heddle/contracts";
import type { z } from "zod";

/** `checkout-v1`, or of a caller without identity its address. */
export function callerInWords({ workload, address }: CallerWire): string {
  return workload ?? address ?? "an unknown caller";
}

/** `POST /v2/charges`. */
export function requestInWords({ method, path }: Pick<Denial, "method" | "path">): string {
  return `${method} ${path}`;
}

/** What stood in the way, and where: "DENY rule 1 of shop/payments" or "no ALLOW rule of shop/payments". */
export function ruleInWords({ policy, rule, nearest }: Denial): string {
  if (policy !== undefined) return `${policy}, rule ${rule ?? 0}`;
  if (nearest !== undefined)
    return `no ALLOW rule; nearest ${nearest.policy}, rule ${nearest.rule}`;
  return "no ALLOW rule";
}

const FIELD_WORDS: Readonly<Record<string, string>> = {
  principals: "who calls",
  notPrincipals: "who calls",
  requestPrincipals: "the token",
  notRequestPrincipals: "the token",
  namespaces: "the caller's namespace",
  notNamespaces: "the caller's namespace",
  serviceAccounts: "who calls",
  notServiceAccounts: "who calls",
  trustDomains: "the trust domain",
  notTrustDomains: "the trust domain",
  ipBlocks: "the address",
  notIpBlocks: "the address",
  remoteIpBlocks: "the client's address",
  notRemoteIpBlocks: "the client's address",
  methods: "the method",
  notMethods: "the method",
  paths: "the path",
  notPaths: "the path",
  hosts: "the host",
  notHosts: "the host",
  ports: "the port",
  notPorts: "the port",
};

/** The fields the request did not meet, each word once: "who calls, the path". */
export function fieldsInWords(fields: readonly string[]): string {
  const words = fields.map((field) => {
    const name = field.split(".").at(-1) ?? field;
    return FIELD_WORDS[name] ?? (field.startsWith("when") ? "a condition" : field);
  });
  return [...new Set(words)].join(", ");
}

/** The same request, to be judged by the rules as they are now. A templated segment stands for itself. */
export function whyRequestOf({
  source,
  destination,
  method,
  path,
}: Pick<Denial, "source" | "destination" | "method" | "path">): z.input<typeof WhyRequest> {
  return { source, destination, method, path: path.replaceAll("{*}", "1") };
}

/** The command line that asks the same. */
export function whyCommand({
  source,
  destination,
  method,
  path,
}: Pick<Denial, "source" | "destination" | "method" | "path">): string {
  const from =
    source.workload === undefined
      ? (source.address ?? "ADDRESS")
      : `${source.namespace}/${source.workload}`;
  const to = `${destination.namespace}/${destination.workload}`;
  return `heddle why --from ${from} --to ${to} --method ${method} --path ${path}`;
}
