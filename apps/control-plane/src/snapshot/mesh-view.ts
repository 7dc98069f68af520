import type {
  EndpointsResource,
  ProxyResource,
  ServiceResource,
  Subscription,
  WorkloadResource,
} from "@heddle/contracts";
import { TRUST_KEY } from "@heddle/contracts";
import { formatId, type PeerAuthentication, type ServiceId, selects } from "@heddle/mesh";
import type { StoredInstance } from "@heddle/store";
import type { KeySets } from "../jwks/key-sets.ts";
import { serviceKeyOf } from "../registry/instance.ts";
import { type ConfigSnapshot, compileSnapshot } from "./config-snapshot.ts";
import type { KnownEndpoint } from "./endpoint-set.ts";
import { changedHostKeys } from "./host-index.ts";
import type { InstanceRegistry } from "./instance-registry.ts";
import { MeshNames, NAMES_INTEREST } from "./mesh-names.ts";
import { type AuthorityTrust, MeshTrust } from "./mesh-trust.ts";
import { PlaintextPorts } from "./plaintext-ports.ts";
import { addPorts } from "./registered-ports.ts";
import { targetsOf } from "./route-targets.ts";
import { ServedEndpoints, serviceIdOf } from "./served-endpoints.ts";
import { SIDECARS, subscriptionKey } from "./subscription-keys.ts";
import { withTrustAliases } from "./trust-aliases.ts";

/** What one proxy is to run, and what its subscriptions mean. */
export type ProxyView = {
  readonly resources: ReadonlyMap<string, ProxyResource>;
  readonly resolutions: ReadonlyMap<string, Resolution>;
};

/** `service` null: no such service in the mesh (yet), or none its callers may reach. */
export type Resolution = Subscription & { readonly service: ServiceId | null };

/** A workload for whose inbound side something else would hold. */
export type ForeseenWorkload = {
  readonly instance: StoredInstance;
  readonly before: WorkloadResource;
  readonly after: WorkloadResource;
};

/** What a change would touch. */
export type Foreseen = {
  /** Services whose routes or policies would differ, `namespace/name`. */
  readonly services: readonly string[];
  readonly endpoints: readonly string[];
  readonly workloads: readonly ForeseenWorkload[];
  /** All of it as resource keys. */
  readonly keys: ReadonlySet<string>;
};

/** What holds while the registry has lost whom it knew, and proxies know more. */
export type LostRegistry = {
  /** A proxy says what it has. */
  readonly recall: (have: readonly { readonly key: string }[]) => void;
  /** Of a resource's key: who has a version of it keeps that one. */
  readonly keeps: (key: string) => boolean;
};

/** So many meanings of hosts are remembered; beyond, they are looked up again. */
const MAX_MEANINGS = 100_000;

/**
 * Documents and registry as one picture, from which each proxy's part is cut. Endpoints and routes are
 * compiled apart, so that an instance that comes or goes never touches routes.
 */
export class MeshView {
  readonly trustDomain: string;
  readonly trust: MeshTrust;
  readonly names = new MeshNames();
  /** Where issuers' keys come from; `undefined`: none are fetched. */
  keySets: Pick<KeySets, "find" | "want"> | undefined;
  /** `undefined`: the registry is whole. */
  lostRegistry: LostRegistry | undefined;
  readonly #registry: InstanceRegistry;
  readonly #endpoints: ServedEndpoints;
  readonly #plaintextPorts: PlaintextPorts;
  /** Services with the ports their instances have registered, where documents declare none. */
  readonly #withPorts = new WeakMap<ServiceResource, Map<string, ServiceResource>>();
  /** By the labels of an instance, which stay the same object until it registers anew. */
  #workloads = new WeakMap<StoredInstance["labels"], WorkloadResource>();
  /** By subscription, until documents or the registry change. */
  readonly #meanings = new Map<string, ServiceId | undefined>();
  #snapshot: ConfigSnapshot = compileSnapshot(0, new Map());
  #generation = 0;

  constructor(registry: InstanceRegistry, trustDomain: string, plaintextPorts?: PlaintextPorts) {
    this.#registry = registry;
    this.trustDomain = trustDomain;
    this.trust = new MeshTrust(trustDomain);
    this.#plaintextPorts =
      plaintextPorts ?? new PlaintextPorts(registry, (instance) => this.workload(instance));
    this.#endpoints = new ServedEndpoints({
      registry,
      trustDomain,
      plaintextPortsOf: (instance) => this.#plaintextPorts.of(instance),
    });
  }

  get snapshot(): ConfigSnapshot {
    return this.#snapshot;
  }

  /** Another picture of the same registry, which shows what this one shows now. */
  copy(): MeshView {
    const copy = new MeshView(this.#registry, this.trustDomain, this.#plaintextPorts);
    copy.keySets = this.keySets && { find: this.keySets.find, want: () => undefined };
    if (this.trust.authority) copy.trust.setAuthority(this.trust.authority, this.#snapshot);
    copy.#snapshot = this.#snapshot;
    copy.refreshNames();
    return copy;
  }

  /** While it stays the same, so does every proxy's part. */
  get generation(): number {
    return this.#generation;
  }

  /** Takes a new snapshot and returns the keys of the resources that may differ from the old one's. */
  replaceSnapshot(next: ConfigSnapshot): Set<string> {
    const before = this.#snapshot;
    this.#snapshot = next;
    this.keySets?.want(next.workloads.keySources);
    this.#generation += 1;
    this.#meanings.clear();
    const touched = new Set<string>();
    for (const key of before.compiledKeys) {
      const service = serviceIdOf(key);
      if (before.service(service).resource.version !== next.service(service).resource.version) {
        touched.add(`service/${key}`);
      }
    }
    for (const key of before.namedKeys) if (!next.namedKeys.has(key)) touched.add(`service/${key}`);
    for (const key of next.namedKeys) if (!before.namedKeys.has(key)) touched.add(`service/${key}`);
    for (const key of this.#endpoints.replace(before, next)) touched.add(key);
    for (const key of this.#changedWorkloads(before, next)) touched.add(key);
    if (before.hosts !== next.hosts) {
      for (const key of changedHostKeys(before.hosts, next.hosts)) touched.add(key);
    }
    if (before.sidecars.signature !== next.sidecars.signature) touched.add(SIDECARS);
    if (this.trust.update(next)) touched.add(TRUST_KEY);
    if (this.names.update(next, this.#registry.serviceKeys())) touched.add(NAMES_INTEREST);
    return touched;
  }

  /** Services were registered that had not been known: returns the keys of the resources that tell of it. */
  refreshNames(): Set<string> {
    if (!this.names.update(this.#snapshot, this.#registry.serviceKeys())) return new Set();
    this.#generation += 1;
    return new Set([NAMES_INTEREST]);
  }

  /** Takes what the authority says of trust; returns the keys of the resources that differ by it. */
  replaceTrust(authority: AuthorityTrust): Set<string> {
    if (!this.trust.setAuthority(authority, this.#snapshot)) return new Set();
    this.#generation += 1;
    return new Set([TRUST_KEY]);
  }

  /** Keys of the workloads for which something else holds; nothing is looked at while policies are the same. */
  #changedWorkloads(before: ConfigSnapshot, next: ConfigSnapshot): string[] {
    if (before.workloads.signature === next.workloads.signature) return [];
    return this.#remakeWorkloads();
  }

  /** An issuer has published other keys: returns the keys of the resources that differ by it. */
  replaceKeys(): Set<string> {
    const touched = new Set(this.#remakeWorkloads());
    if (touched.size > 0) this.#generation += 1;
    return touched;
  }

  #remakeWorkloads(): string[] {
    const known = this.#workloads;
    this.#workloads = new WeakMap();
    return [...this.#registry.instances()].flatMap((instance) => {
      const { key, version } = this.workload(instance);
      return known.get(instance.labels)?.version === version ? [] : [key];
    });
  }

  /** A proxy runs these resources from now on. Returns the services whose callers have to hear of it. */
  noteRunning(proxyId: string, resources: Iterable<ProxyResource>): Set<string> {
    return this.#plaintextPorts.noteRunning(proxyId, resources);
  }

  /** Endpoints of these services are compiled anew when next asked for; returns their resource keys. */
  forgetEndpoints(serviceKeys: ReadonlySet<string>): Set<string> {
    const keys = new Set(serviceKeys);
    const namespaces = new Set([...serviceKeys].map((key) => serviceIdOf(key).namespace));
    for (const [key, { selectors }] of this.#snapshot.declared) {
      if (selectors.some(({ namespace }) => namespaces.has(namespace))) keys.add(key);
    }
    for (const key of keys) this.#endpoints.forget(key);
    this.#generation += 1;
    this.#meanings.clear();
    return new Set([...keys].map((key) => `endpoints/${key}`));
  }

  endpoints(service: ServiceId): EndpointsResource {
    return this.#endpoints.served(service, this.#snapshot).resource;
  }

  /** Each address of a service with where it is known from. */
  knownEndpoints(service: ServiceId): readonly KnownEndpoint[] {
    return this.#endpoints.served(service, this.#snapshot).known;
  }

  /** Routes and policies of a service, with the ports it has by documents or by its instances. */
  service(service: ServiceId): ServiceResource {
    const { resource } = this.#snapshot.service(service);
    const ports = resource.ports
      ? undefined
      : this.#endpoints.served(service, this.#snapshot).ports;
    if (!ports) return resource;
    const text = JSON.stringify(ports);
    const known = this.#withPorts.get(resource) ?? new Map<string, ServiceResource>();
    this.#withPorts.set(resource, known);
    const made = known.get(text) ?? addPorts(resource, ports);
    known.set(text, made);
    return made;
  }

  isService(key: string): boolean {
    return this.#registry.isKnownService(key) || this.#snapshot.names(key);
  }

  /** Whether anybody serves the service now: an instance, or an address a document names. */
  hasEndpoints(service: ServiceId): boolean {
    return this.#endpoints.served(service, this.#snapshot).known.length > 0;
  }

  /** Of these services: how many endpoints they have, and would have with other documents. */
  countEndpoints(
    next: ConfigSnapshot,
    usedServices: () => Iterable<string>,
  ): { readonly service: ServiceId; readonly before: number; readonly after: number }[] {
    return this.#endpoints.count(this.#snapshot, next, usedServices);
  }

  /** Version labels of those who serve the service now. */
  versionsOf(service: ServiceId): Set<string | undefined> {
    return new Set(
      this.#endpoints
        .served(service, this.#snapshot)
        .known.map(({ endpoint }) => endpoint.labels["version"]),
    );
  }

  /** Everybody a selector may mean: instances, and WorkloadEntries. */
  workloadsWithLabels(): { namespace: string; labels: Readonly<Record<string, string>> }[] {
    const entries = this.#snapshot.workloadEntries.map(({ resource }) => resource);
    return [...this.#registry.instances(), ...entries];
  }

  /** The services whose endpoints bear a workload's name, `namespace/name`. */
  servicesOfWorkload(of: { readonly namespace: string; readonly workload: string }): string[] {
    return this.#endpoints.servicesOf(of, this.#snapshot);
  }

  /** Where a workload's endpoints are, `host:port`. */
  endpointsOfWorkload(of: { readonly namespace: string; readonly workload: string }): string[] {
    const services = this.servicesOfWorkload(of).map(serviceIdOf);
    const known = services.flatMap((service) => this.knownEndpoints(service));
    const own = known.filter(
      ({ endpoint }) => endpoint.namespace === of.namespace && endpoint.workload === of.workload,
    );
    return [...new Set(own.map(({ endpoint: { address, port } }) => `${address}:${port}`))].sort();
  }

  /** The services whose instances a policy takes in, `namespace/name`. */
  servicesSelectedBy(policy: Pick<PeerAuthentication, "namespace" | "selector">): string[] {
    const taken = [...this.#registry.instances()].filter((instance) =>
      selects(policy, instance, this.#snapshot.rootNamespace),
    );
    return [...new Set(taken.map(serviceKeyOf))];
  }

  /**
   * What a host means to the workloads of a proxy that are in its namespace. Where Sidecar documents let
   * only some of them reach it, it means the service to all: they share what the proxy knows.
   */
  resolve(subscription: Subscription, hosted: readonly StoredInstance[] = []): Resolution {
    const { namespace, host } = subscription;
    const service = this.#meaning(subscription);
    const callers = hosted.filter((instance) => instance.namespace === namespace);
    const isReached =
      service !== undefined &&
      (callers.length === 0 ||
        callers.some((caller) => this.#snapshot.sidecars.reaches(caller, service)));
    return {
      namespace,
      host,
      service: isReached ? { namespace: service.namespace, name: service.name } : null,
    };
  }

  /** All that a proxy needs for what it hosts and where its workloads call. */
  cut(
    hosted: readonly StoredInstance[],
    subscriptions: Iterable<Subscription>,
    isToldNames = false,
  ): ProxyView {
    const resources = new Map<string, ProxyResource>();
    if (isToldNames) for (const one of this.names.resources) resources.set(one.key, one);
    const resolutions = new Map<string, Resolution>();
    if (this.trust.resource) resources.set(TRUST_KEY, this.trust.resource);
    for (const instance of hosted) {
      const resource = this.workload(instance);
      resources.set(resource.key, resource);
    }
    for (const subscription of subscriptions) {
      const resolution = this.resolve(subscription, hosted);
      resolutions.set(subscriptionKey(subscription), resolution);
      if (resolution.service) this.#addService(resources, resolution.service);
    }
    return { resources, resolutions };
  }

  /**
   * What would differ under another snapshot, which is not taken over. The caller decides at each step when to go on,
   * so that nobody waits for it. The mesh's names, which every proxy is told, are no part of it.
   */
  *foresee(next: ConfigSnapshot): Generator<void, Foreseen> {
    const before = this.#snapshot;
    const services: string[] = [];
    const named = [...before.namedKeys, ...next.namedKeys];
    for (const key of new Set([...before.compiledKeys, ...named])) {
      const service = serviceIdOf(key);
      const isSame =
        before.service(service).resource.version === next.service(service).resource.version;
      if (!isSame || before.namedKeys.has(key) !== next.namedKeys.has(key)) services.push(key);
      yield;
    }
    const workloads = new Map<string, ForeseenWorkload>();
    const isPolicyKept = before.workloads.signature === next.workloads.signature;
    for (const instance of isPolicyKept ? [] : this.#registry.instances()) {
      const was = this.workload(instance);
      if (workloads.has(was.key)) continue;
      const is = this.#workloadUnder(next, instance);
      if (is.version !== was.version) workloads.set(was.key, { instance, before: was, after: is });
      yield;
    }
    const endpoints = this.#endpoints.changedBy(before, next);
    const hosts = before.hosts === next.hosts ? [] : changedHostKeys(before.hosts, next.hosts);
    const keys = new Set([
      ...services.map((key) => `service/${key}`),
      ...endpoints.map((key) => `endpoints/${key}`),
      ...workloads.keys(),
      ...hosts,
      ...(before.sidecars.signature === next.sidecars.signature ? [] : [SIDECARS]),
    ]);
    return { services, endpoints, workloads: [...workloads.values()], keys };
  }

  /** Each address of a service under another snapshot, with where it is known from. */
  endpointsUnder(next: ConfigSnapshot, service: ServiceId): readonly KnownEndpoint[] {
    return this.#endpoints.collect(service, next).known;
  }

  /** What holds for an instance's inbound side. */
  workload(instance: StoredInstance): WorkloadResource {
    const known = this.#workloads.get(instance.labels);
    if (known) return known;
    const resource = this.#workloadUnder(this.#snapshot, instance);
    this.#workloads.set(instance.labels, resource);
    return resource;
  }

  #workloadUnder(snapshot: ConfigSnapshot, instance: StoredInstance): WorkloadResource {
    const workload = { namespace: instance.namespace, name: instance.workload };
    const { workloads, sidecars } = snapshot;
    const keysOf = this.keySets?.find;
    return withTrustAliases(workloads.resource(workload, instance.labels, sidecars, keysOf), {
      own: this.trustDomain,
      aliases: snapshot.meshConfig?.resource.trustDomainAliases ?? [],
    });
  }

  #meaning(subscription: Subscription): ServiceId | undefined {
    const key = subscriptionKey(subscription);
    if (this.#meanings.has(key)) return this.#meanings.get(key);
    const { namespace, host } = subscription;
    const service = this.#snapshot.hosts.resolve(host, namespace, (formed) =>
      this.isService(formatId(formed)),
    );
    if (this.#meanings.size >= MAX_MEANINGS) this.#meanings.clear();
    this.#meanings.set(key, service);
    return service;
  }

  #addService(resources: Map<string, ProxyResource>, service: ServiceId): void {
    const routes = this.service(service);
    for (const target of [service, ...targetsOf(routes)]) {
      // a route's destination brings its subsets and endpoints, not the routes of its own routes
      const shape = this.service(target);
      if (resources.has(shape.key)) continue;
      const endpoints = this.endpoints(target);
      resources.set(shape.key, shape);
      resources.set(endpoints.key, endpoints);
    }
  }
}
