import { parseServiceHost } from "../service-host.ts";
import type { AnalysisDocument } from "./analysis-document.ts";
import { labelsAt, listAt, numberAt, textsAt } from "./fields.ts";

const DOMAIN = "svc.cluster.local";

/** A host that something in the mesh or a ServiceEntry answers to. */
export type KnownHost = {
  readonly ports: readonly number[];
  /** Labels that a ServiceEntry selects its workloads by. */
  readonly selector: Readonly<Record<string, string>>;
  /** `undefined`: of the live registry. */
  readonly document: AnalysisDocument | undefined;
};

/** A host without a dot is the namespace's service of that name; all others are what they say. */
export function toFqdn(namespace: string, host: string): string {
  return host.startsWith("*") || host.includes(".") ? host : `${host}.${namespace}.${DOMAIN}`;
}

/** Which hosts there are, and to which namespaces each is shown. */
export class HostIndex {
  /** By `scope/fqdn`, where the scope is `*` or a namespace. */
  readonly #hosts = new Map<string, KnownHost>();
  /** Of wildcards, what follows the `*`, by `scope/suffix`. */
  readonly #suffixes = new Map<string, KnownHost>();
  readonly #scopes = new Map<string, Set<string>>();

  /** Whether there is anything that says which hosts exist. */
  get isEmpty(): boolean {
    return this.#hosts.size === 0 && this.#suffixes.size === 0;
  }

  add(scope: string, fqdn: string, known: KnownHost): void {
    if (fqdn.startsWith("*")) this.#suffixes.set(`${scope}/${fqdn.slice(1)}`, known);
    this.#hosts.set(`${scope}/${fqdn}`, known);
    const scopes = this.#scopes.get(fqdn);
    if (scopes) scopes.add(scope);
    else this.#scopes.set(fqdn, new Set([scope]));
  }

  /** What a document's host leads to; `undefined`: nothing that its namespace can see. */
  find(namespace: string, exportTo: readonly string[], host: string): KnownHost | undefined {
    const name = host.toLowerCase().replace(/(?<=.)\.$/, "");
    const fqdns = [toFqdn(namespace, name)];
    // Heddle takes `reviews.shop` for the service as well, where Istio wants all of its name.
    const service = parseServiceHost(name, namespace);
    if (service) fqdns.push(`${service.name}.${service.namespace}.${DOMAIN}`);
    const scopes = ["*", ...(exportTo.length === 0 ? [namespace] : exportTo)].map((scope) =>
      scope === "." ? namespace : scope,
    );
    for (const fqdn of fqdns) {
      for (const scope of scopes) {
        const known = this.#hosts.get(`${scope}/${fqdn}`);
        if (known) return known;
      }
    }
    return this.#findWildcard(namespace, name.replace(/^\*/, ""));
  }

  /** Namespaces that a host is shown to, where it is not shown to this one; `undefined`: it is, or does not exist. */
  hiddenFrom(namespace: string, host: string): readonly string[] | undefined {
    const scopes = this.#scopes.get(toFqdn(namespace, host.toLowerCase()));
    if (!scopes || scopes.has("*") || scopes.has(namespace)) return undefined;
    return [...scopes].sort();
  }

  #findWildcard(namespace: string, name: string): KnownHost | undefined {
    if (this.#suffixes.size === 0) return undefined;
    for (let at = 0; at <= name.length; at++) {
      const suffix = name.slice(at);
      const known =
        this.#suffixes.get(`*/${suffix}`) ?? this.#suffixes.get(`${namespace}/${suffix}`);
      if (known) return known;
    }
    return undefined;
  }
}

/** A service somebody serves now. */
type LiveService = {
  readonly namespace: string;
  readonly name: string;
  readonly ports: readonly number[];
};

/** The hosts of what runs, of ServiceEntries and Services; what documents say of a service holds. */
export function indexHosts(
  entries: readonly AnalysisDocument[],
  services: readonly AnalysisDocument[],
  live: readonly LiveService[],
): HostIndex {
  const index = new HostIndex();
  for (const { namespace, name, ports } of live) {
    index.add("*", toFqdn(namespace, name), { ports, selector: {}, document: undefined });
  }
  for (const document of entries) {
    const { namespace, spec } = document;
    const known: KnownHost = {
      ports: portsOf(spec, "number"),
      selector: labelsAt(spec, "workloadSelector", "labels"),
      document,
    };
    for (const host of textsAt(spec, "hosts")) {
      for (const scope of scopesOf(textsAt(spec, "exportTo"), namespace)) {
        index.add(scope, toFqdn(namespace, host.toLowerCase()), known);
      }
    }
  }
  for (const document of services) {
    const { namespace, name, spec, annotations } = document;
    const known: KnownHost = { ports: portsOf(spec, "port"), selector: {}, document };
    const shownTo = (annotations["networking.istio.io/exportTo"] ?? "")
      .split(",")
      .map((one) => one.trim())
      .filter((one) => one !== "");
    for (const scope of scopesOf(shownTo, namespace)) {
      index.add(scope, toFqdn(namespace, name), known);
    }
  }
  return index;
}

/** Namespaces (`*`: all) that an `exportTo` shows something to; where it says nothing, everybody sees it. */
export function scopesOf(exportTo: readonly string[], namespace: string): readonly string[] {
  if (exportTo.length === 0 || exportTo.includes("*")) return ["*"];
  return [...new Set(exportTo.map((one) => (one === "." ? namespace : one)))];
}

/** Whether one of two hosts takes in the other: equal, or a wildcard above it. */
export function hostsMeet(one: string, other: string): boolean {
  const [left, right] = [one.startsWith("*"), other.startsWith("*")];
  if (left && right) {
    const [long, short] = one.length < other.length ? [other, one] : [one, other];
    return long.slice(1).endsWith(short.slice(1));
  }
  if (left) return other.endsWith(one.slice(1));
  return right ? one.endsWith(other.slice(1)) : one === other;
}

function portsOf(spec: unknown, field: string): number[] {
  return listAt(spec, "ports").flatMap((port) => numberAt(port, field) ?? []);
}
