import { WORKLOAD_LABEL } from "@heddle/contracts";
import { formatId, type ServiceId, type SourceSelector } from "@heddle/mesh";
import type { HostRef, ResourceRef, Visibility } from "@heddle/resources";
import { type CallerClass, takesIn } from "./caller-class.ts";
import type { HostIndex } from "./host-index.ts";
import { byAge, type DocumentOf, isOf, isVisibleTo, type MeshDocument } from "./mesh-document.ts";
import { coversHost, hostOf, wildcardSuffix } from "./service-host.ts";

/** A document that speaks of a service, and the host by which it does; more specific hosts go first. */
type Naming<Kind extends "DestinationRule" | "VirtualService"> = {
  readonly document: DocumentOf<Kind>;
  readonly host: string;
  /** The service an exact host means. */
  readonly serviceKey: string | undefined;
};

/** The documents that may shape a service's traffic for some caller, the oldest first. */
export type ServiceSources = {
  readonly virtualServices: readonly Naming<"VirtualService">[];
  readonly rules: readonly Naming<"DestinationRule">[];
  readonly policies: readonly DocumentOf<"TrafficPolicy">[];
  /** Names of subsets that routes send to, in order; each is one, whether or not a rule defines it. */
  readonly usedSubsets: readonly string[];
};

/** Finds the documents that speak of a service. */
export class RuleIndex {
  readonly #rootNamespace: string;
  readonly #virtualServices: Index<"VirtualService">;
  readonly #rules: Index<"DestinationRule">;
  readonly #usedSubsets = new Map<string, Set<string>>();
  readonly #policies = new Map<string, DocumentOf<"TrafficPolicy">[]>();
  readonly #wildPolicies: { host: string; document: DocumentOf<"TrafficPolicy"> }[] = [];

  constructor(documents: readonly MeshDocument[], hosts: HostIndex, rootNamespace: string) {
    this.#rootNamespace = rootNamespace;
    const aged = documents.toSorted(byAge);
    const routed = aged
      .filter((one) => isOf(one, "VirtualService"))
      .filter(({ resource }) => resource.isForMesh);
    this.#virtualServices = new Index(
      routed.flatMap((document) =>
        document.resource.hosts.map((ref) => toNaming(document, ref, hosts)),
      ),
    );
    this.#rules = new Index(
      aged
        .filter((one) => isOf(one, "DestinationRule"))
        .map((document) => toNaming(document, document.resource, hosts)),
    );
    for (const document of aged.filter((one) => isOf(one, "TrafficPolicy"))) {
      this.#addPolicy(document, hosts);
    }
    for (const document of aged.filter((one) => isOf(one, "VirtualService"))) {
      this.#noteSubsets(document, hosts);
    }
  }

  /** Services that a VirtualService names without wildcard, `namespace/name`. */
  get routedKeys(): Iterable<string> {
    return this.#virtualServices.keys();
  }

  /** Services that VirtualServices and DestinationRules name without wildcard. */
  keys(): string[] {
    return [...this.#virtualServices.keys(), ...this.#rules.keys()];
  }

  /** Services that TrafficPolicies name without wildcard; being named makes none of them. */
  policyKeys(): string[] {
    return [...this.#policies.keys()];
  }

  sourcesOf(service: ServiceId): ServiceSources {
    const key = formatId(service);
    const host = hostOf(service);
    const wild = this.#wildPolicies.filter((one) => coversHost(one.host, host));
    const policies = [...(this.#policies.get(key) ?? []), ...wild.map(({ document }) => document)];
    return {
      virtualServices: this.#virtualServices.find(key, host),
      rules: this.#rules.find(key, host),
      policies: [...new Set(policies)].sort(byAge),
      usedSubsets: [...(this.#usedSubsets.get(key) ?? [])].sort(),
    };
  }

  /** The VirtualService that routes a service for a class of callers: the most specific host, then the oldest. */
  findVirtualService(
    { virtualServices }: ServiceSources,
    caller: CallerClass,
  ): DocumentOf<"VirtualService"> | undefined {
    return virtualServices.find(({ document }) =>
      isVisibleTo(document.resource.visibleTo, caller.namespace),
    )?.document;
  }

  /**
   * The DestinationRules that hold for a class of callers, the oldest first: those of the caller's
   * namespace, else of the service's, else of the root; of the first that has any, those with the most
   * specific host. One with a workloadSelector that means the caller goes before those without.
   */
  findRules(
    { rules }: ServiceSources,
    service: ServiceId,
    caller: CallerClass,
  ): DocumentOf<"DestinationRule">[] {
    const holding = rules.filter(({ document: { resource } }) => {
      const isOwn = resource.namespace === caller.namespace;
      if (resource.workloadSelector === undefined) {
        return isOwn || isVisibleTo(resource.visibleTo, caller.namespace);
      }
      return isOwn && takesIn({ labels: resource.workloadSelector }, caller);
    });
    for (const namespace of [caller.namespace, service.namespace, this.#rootNamespace]) {
      const there = holding.filter(({ document }) => document.resource.namespace === namespace);
      const [first] = there;
      if (!first) continue;
      const same = there.filter(({ host }) => host === first.host).map(({ document }) => document);
      const selecting = same.filter(({ resource }) => resource.workloadSelector !== undefined);
      const [chosen] = selecting;
      if (!chosen) return same;
      const selector = JSON.stringify(chosen.resource.workloadSelector);
      return selecting.filter(
        ({ resource }) => JSON.stringify(resource.workloadSelector) === selector,
      );
    }
    return [];
  }

  #noteSubsets({ resource }: DocumentOf<"VirtualService">, hosts: HostIndex): void {
    for (const { to } of targetsOf(resource)) {
      if (to.subset === undefined) continue;
      const key = formatId(hosts.ofRef(to, resource.namespace));
      const names = this.#usedSubsets.get(key) ?? new Set();
      this.#usedSubsets.set(key, names.add(to.subset));
    }
  }

  #addPolicy(document: DocumentOf<"TrafficPolicy">, hosts: HostIndex): void {
    for (const ref of document.resource.destinations) {
      if (wildcardSuffix(ref.host) !== undefined) {
        this.#wildPolicies.push({ host: ref.host, document });
        continue;
      }
      const key = formatId(hosts.ofRef(ref, document.resource.namespace));
      this.#policies.set(key, [...(this.#policies.get(key) ?? []), document]);
    }
  }
}

/** A place in a VirtualService that requests or connections are sent to, and where it stands in `spec`. */
export type WrittenTarget = {
  readonly at: string;
  readonly to: HostRef & {
    readonly subset?: string | undefined;
    readonly port?: number | undefined;
  };
};

/** Every destination of a VirtualService, mirrors too. */
export function targetsOf(resource: DocumentOf<"VirtualService">["resource"]): WrittenTarget[] {
  const http = resource.routes.flatMap(({ index, destinations, mirrors = [] }) => [
    ...destinations.map((to, at) => ({ at: `http[${index}].route[${at}].destination`, to })),
    ...mirrors.map(({ destination: to }, at) => ({ at: `http[${index}].mirrors[${at}]`, to })),
  ]);
  const l4 = (["tcp", "tls"] as const).flatMap((kind) =>
    resource[`${kind}Routes`].flatMap(({ index, destinations }) =>
      destinations.map((to, at) => ({ at: `${kind}[${index}].route[${at}].destination`, to })),
    ),
  );
  return [...http, ...l4];
}

/** Whom the documents of a service tell apart. */
export function selectorsOf(
  { virtualServices, rules, policies }: ServiceSources,
  service: ServiceId,
): SourceSelector[] {
  const listed = (visibleTo: Visibility): SourceSelector[] =>
    visibleTo === "*" ? [] : [{ namespaces: visibleTo }];
  return [
    ...virtualServices.flatMap(({ document }) => listed(document.resource.visibleTo)),
    ...rules.flatMap(({ document: { resource } }): SourceSelector[] => {
      const { namespace, workloadSelector } = resource;
      const own = namespace === service.namespace ? [] : [{ namespaces: [namespace] }];
      if (!workloadSelector) return [...listed(resource.visibleTo), ...own];
      return [{ namespaces: [namespace], labels: workloadSelector }];
    }),
    ...policies.flatMap(({ resource }) => resource.sources.map(toSelector)),
  ];
}

/** A source of a TrafficPolicy as callers are told apart. */
export function toSelector(
  source: DocumentOf<"TrafficPolicy">["resource"]["sources"][number],
): SourceSelector {
  const labels = {
    ...source.labels,
    ...(source.service === undefined ? {} : { app: source.service }),
    ...(source.workload === undefined ? {} : { [WORKLOAD_LABEL]: source.workload }),
  };
  return {
    ...(source.namespace === undefined ? {} : { namespaces: [source.namespace] }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  };
}

class Index<Kind extends "DestinationRule" | "VirtualService"> {
  readonly #exact: Map<string, Naming<Kind>[]>;
  readonly #wildcards: readonly Naming<Kind>[];

  constructor(namings: readonly Naming<Kind>[]) {
    this.#exact = new Map();
    for (const naming of namings) {
      if (naming.serviceKey === undefined) continue;
      this.#exact.set(naming.serviceKey, [...(this.#exact.get(naming.serviceKey) ?? []), naming]);
    }
    this.#wildcards = namings
      .filter(({ serviceKey }) => serviceKey === undefined)
      .toSorted((a, b) => b.host.length - a.host.length);
  }

  keys(): Iterable<string> {
    return this.#exact.keys();
  }

  /** The most specific first. */
  find(key: string, host: string): Naming<Kind>[] {
    const wild = this.#wildcards.filter((one) => coversHost(one.host, host));
    return [...(this.#exact.get(key) ?? []), ...wild];
  }
}

function toNaming<Kind extends "DestinationRule" | "VirtualService">(
  document: DocumentOf<Kind>,
  { host, service: formed }: HostRef,
  hosts: HostIndex,
): Naming<Kind> {
  if (wildcardSuffix(host) !== undefined) return { document, host, serviceKey: undefined };
  const { namespace }: ResourceRef = document.resource;
  const service = hosts.ofRef({ host, service: formed }, namespace);
  return { document, host: hostOf(service), serviceKey: formatId(service) };
}
