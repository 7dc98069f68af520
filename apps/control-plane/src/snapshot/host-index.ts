import { BlockList, isIP } from "node:net";
import { formatId, hostWithoutPort, type ServiceId, serviceOfHost } from "@heddle/mesh";
import type { HostRef, Visibility } from "@heddle/resources";
import { isVisibleTo } from "./mesh-document.ts";
import { suffixesOf, wildcardSuffix } from "./service-host.ts";

/** A host that documents speak of, and the service it means. */
export type DeclaredHost = {
  readonly host: string;
  readonly service: ServiceId;
  readonly visibleTo: Visibility;
  /** IP addresses and CIDRs that mean it too. */
  readonly addresses: readonly string[];
};

/**
 * Which service a host means to callers of a namespace, as far as documents say. Of several declared
 * hosts of one name, the caller's own namespace goes first, then the order given.
 */
export class HostIndex {
  /** Equal texts: every host means the same. */
  readonly signature: string;
  /** By host, wildcards too: what is declared of it, as text. */
  readonly declarations: ReadonlyMap<string, string>;
  /** Every address that means a service, as text. */
  readonly addresses: string;
  /** Every host, wildcards too, and every address or CIDR, sorted. */
  readonly names: string[];
  /** Who is meant by a service that is but another name, by `namespace/name`. */
  readonly aliases: ReadonlyMap<string, ServiceId>;
  readonly #routed: ReadonlySet<string>;
  readonly #exact = new Map<string, DeclaredHost[]>();
  readonly #wildcards = new Map<string, DeclaredHost[]>();
  readonly #addresses: { readonly list: BlockList; readonly declared: DeclaredHost }[] = [];

  /** `routed`: services with rules of their own, which an app reaches by their own name. */
  constructor(
    hosts: readonly DeclaredHost[],
    aliases: ReadonlyMap<string, ServiceId> = new Map(),
    routed: ReadonlySet<string> = new Set(),
  ) {
    this.signature = JSON.stringify([hosts, [...aliases], [...routed]]);
    this.aliases = aliases;
    this.#routed = routed;
    this.declarations = new Map(
      [...Map.groupBy(hosts, ({ host }) => host)].map(([host, all]) => [host, JSON.stringify(all)]),
    );
    const texts = hosts.flatMap(({ host, addresses }) => [host, ...addresses]);
    this.names = [...new Set(texts)].sort();
    this.addresses = JSON.stringify(hosts.filter(({ addresses }) => addresses.length > 0));
    for (const declared of hosts) {
      const suffix = wildcardSuffix(declared.host);
      if (suffix === undefined) push(this.#exact, declared.host, declared);
      else push(this.#wildcards, suffix, declared);
      const list = toBlockList(declared.addresses);
      if (list) this.#addresses.push({ list, declared });
    }
  }

  /** A host written out in lower case, without port. `undefined`: no document declares it. */
  find(host: string, namespace: string): ServiceId | undefined {
    return this.findExact(host, namespace) ?? this.#findWildcard(host, namespace);
  }

  findExact(host: string, namespace: string): ServiceId | undefined {
    return pick(this.#exact.get(host), namespace);
  }

  /** What a host of a document means to callers of `namespace`; of a host nobody declares, a name for it. */
  ofRef({ host, service }: HostRef, namespace: string): ServiceId {
    const exact = this.findExact(host, namespace);
    if (exact) return exact;
    if (service.namespace !== "") return service;
    const suffix = wildcardSuffix(host);
    const wildcard =
      suffix === undefined
        ? this.#findWildcard(host, namespace)
        : pick(this.#wildcards.get(suffix), namespace);
    return wildcard ?? { namespace, name: host };
  }

  /** As `ofRef`, of a host that requests are sent to. */
  ofDestination(ref: HostRef, namespace: string): ServiceId {
    const service = this.ofRef(ref, namespace);
    return this.aliases.get(formatId(service)) ?? service;
  }

  /**
   * What an app of `namespace` means by an authority. `isService` tells of services that exist without
   * a document: they go before wildcards. `undefined`: nothing of the mesh.
   */
  resolve(
    authority: string,
    namespace: string,
    isService: (service: ServiceId) => boolean,
  ): ServiceId | undefined {
    const host = hostWithoutPort(authority);
    const declared = this.findExact(host, namespace);
    if (declared) return this.#behind(declared);
    const formed = serviceOfHost(host, namespace);
    if (formed && isService(formed)) return this.#behind(formed);
    return this.#findWildcard(host, namespace) ?? this.#findAddress(host, namespace);
  }

  #behind(service: ServiceId): ServiceId {
    const key = formatId(service);
    return (this.#routed.has(key) ? undefined : this.aliases.get(key)) ?? service;
  }

  #findWildcard(host: string, namespace: string): ServiceId | undefined {
    for (const suffix of suffixesOf(host)) {
      const found = pick(this.#wildcards.get(suffix), namespace);
      if (found) return found;
    }
    return undefined;
  }

  #findAddress(host: string, namespace: string): ServiceId | undefined {
    const address = host.replace(/^\[(.*)\]$/, "$1");
    const family = isIP(address);
    if (family === 0) return undefined;
    const found = this.#addresses.filter(({ list }) => {
      return list.check(address, family === 6 ? "ipv6" : "ipv4");
    });
    return pick(
      found.map(({ declared }) => declared),
      namespace,
    );
  }
}

/** What a subscription's meaning depends on: its host, the wildcards over it, addresses if it is one. */
export function hostKeys(authority: string): string[] {
  const host = hostWithoutPort(authority);
  if (isIP(host.replace(/^\[(.*)\]$/, "$1")) !== 0) return [ADDRESSES];
  return [host, ...suffixesOf(host).map((suffix) => `*${suffix}`)].map(keyOf);
}

/** The keys of all that means something else after a change. */
export function changedHostKeys(before: HostIndex, after: HostIndex): string[] {
  const hosts = new Set([...before.declarations.keys(), ...after.declarations.keys()]);
  const changed = [...hosts].filter(
    (host) => before.declarations.get(host) !== after.declarations.get(host),
  );
  const named = [...before.aliases, ...after.aliases].map(([key]) => `service/${key}`);
  return [
    ...changed.map(keyOf),
    ...named, // few, and who does not use them pays nothing
    ...(before.addresses === after.addresses ? [] : [ADDRESSES]),
  ];
}

const ADDRESSES = "addresses";

function keyOf(host: string): string {
  return `host/${host}`;
}

function pick(declared: readonly DeclaredHost[] = [], namespace: string): ServiceId | undefined {
  const visible = declared.filter(({ visibleTo }) => isVisibleTo(visibleTo, namespace));
  const own = visible.find(({ service }) => service.namespace === namespace);
  return (own ?? visible[0])?.service;
}

function toBlockList(addresses: readonly string[]): BlockList | undefined {
  const list = new BlockList();
  for (const text of addresses) {
    const [address = "", prefix] = text.split("/");
    const family = isIP(address);
    if (family === 0) continue;
    const kind = family === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, kind);
    else list.addSubnet(address, Number(prefix), kind);
  }
  return list.rules.length > 0 ? list : undefined;
}

function push<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}
