import type {
  EndpointsResource,
  ProxyResource,
  ServiceResource,
  Subscription,
  WorkloadResource,
} from "@heddle/contracts";
import {
  formatId,
  formatSpiffeId,
  type PeerAuthentication,
  type ServiceId,
  selects,
} from "@heddle/mesh";
import { parseServiceHost, type WorkloadEntry } from "@heddle/resources";
import type { StoredInstance } from "@heddle/store";
import { type Registry, serviceKeyOf } from "../registry/registry.ts";
import {
  type ConfigSnapshot,
  compileSnapshot,
  effectiveMtls,
  serviceResource,
  workloadResource,
} from "./config-snapshot.ts";
import { contentVersion } from "./content-version.ts";

/** What one proxy is to run, and what its subscriptions mean. */
export type ProxyView = {
  readonly resources: ReadonlyMap<string, ProxyResource>;
  readonly resolutions: ReadonlyMap<string, Resolution>;
};

/** `service` null: no such service in the mesh (yet). */
export type Resolution = Subscription & { readonly service: ServiceId | null };

/**
 * Documents and registry as one picture, from which each proxy's part is cut. Endpoints and routes are
 * compiled apart, so that an instance that comes or goes never touches routes.
 */
export class MeshView {
  readonly #registry: Registry;
  readonly #trustDomain: string;
  readonly #endpoints = new Map<string, EndpointsResource>();
  /** Services no document speaks of: all that is said of them follows from the name. */
  readonly #defaults = new Map<string, ServiceResource>();
  /** By the labels of an instance, which stay the same object until it registers anew. */
  #workloads = new WeakMap<StoredInstance["labels"], WorkloadResource>();
  #snapshot: ConfigSnapshot = compileSnapshot(0, new Map());

  constructor(registry: Registry, trustDomain: string) {
    this.#registry = registry;
    this.#trustDomain = trustDomain;
  }

  get snapshot(): ConfigSnapshot {
    return this.#snapshot;
  }

  /** Takes a new snapshot and returns the keys of the resources that may differ from the old one's. */
  replaceSnapshot(next: ConfigSnapshot): Set<string> {
    const before = this.#snapshot;
    this.#snapshot = next;
    const touched = new Set<string>();
    for (const key of new Set([...before.services.keys(), ...next.services.keys()])) {
      const was = before.services.get(key)?.resource.version;
      if (was !== next.services.get(key)?.resource.version) touched.add(`service/${key}`);
    }
    const entryKeys = [...before.plaintextEntries.keys(), ...next.plaintextEntries.keys()];
    for (const key of this.forgetEndpoints(new Set(entryKeys))) touched.add(key);
    for (const key of this.#changedWorkloads(before, next)) touched.add(key);
    return touched;
  }

  /** Keys of the workloads whose mode differs; nothing is looked at while the policies are the same. */
  #changedWorkloads(before: ConfigSnapshot, next: ConfigSnapshot): string[] {
    if (JSON.stringify(before.policies) === JSON.stringify(next.policies)) return [];
    this.#workloads = new WeakMap();
    return [...this.#registry.instances()].flatMap((instance) => {
      const workload = { namespace: instance.namespace, name: instance.workload };
      const was = effectiveMtls(before, workload, instance.labels).mode;
      const is = effectiveMtls(next, workload, instance.labels).mode;
      return was === is ? [] : [`workload/${formatId(workload)}`];
    });
  }

  /** Endpoints of these services are compiled anew when next asked for; returns their resource keys. */
  forgetEndpoints(serviceKeys: ReadonlySet<string>): Set<string> {
    for (const key of serviceKeys) this.#endpoints.delete(key);
    return new Set([...serviceKeys].map((key) => `endpoints/${key}`));
  }

  endpoints(service: ServiceId): EndpointsResource {
    const key = formatId(service);
    const known = this.#endpoints.get(key);
    if (known) return known;
    const entries = this.#snapshot.plaintextEntries.get(key) ?? [];
    const content = {
      kind: "endpoints" as const,
      key: `endpoints/${key}`,
      service: { namespace: service.namespace, name: service.name },
      endpoints: [
        ...this.#registry
          .instancesOfService(key)
          .filter(serves)
          .map((one) => this.#toEndpoint(one)),
        ...entries.map(toPlaintextEndpoint),
      ].sort((a, b) => (a.id < b.id ? -1 : 1)),
    };
    const resource = { ...content, version: contentVersion(content) };
    this.#endpoints.set(key, resource);
    return resource;
  }

  isService(key: string): boolean {
    return (
      this.#registry.isKnownService(key) ||
      this.#snapshot.services.has(key) ||
      this.#snapshot.plaintextEntries.has(key)
    );
  }

  /** Whether any instance, with or without sidecar, serves the service now. */
  hasInstances(key: string): boolean {
    return (
      this.#registry.instancesOfService(key).length > 0 || this.#snapshot.plaintextEntries.has(key)
    );
  }

  /** The services whose instances a policy takes in, `namespace/name`. */
  servicesSelectedBy(policy: Pick<PeerAuthentication, "namespace" | "selector">): string[] {
    const taken = [...this.#registry.instances()].filter((instance) => selects(policy, instance));
    return [...new Set(taken.map(serviceKeyOf))];
  }

  resolve(subscription: Subscription): Resolution {
    const service = parseServiceHost(subscription.host, subscription.namespace);
    const { namespace, host } = subscription;
    return {
      namespace,
      host,
      service: service && this.isService(formatId(service)) ? service : null,
    };
  }

  /** All that a proxy needs for what it hosts and where its workloads call. */
  cut(hosted: readonly StoredInstance[], subscriptions: Iterable<Subscription>): ProxyView {
    const resources = new Map<string, ProxyResource>();
    const resolutions = new Map<string, Resolution>();
    for (const instance of hosted) {
      const resource = this.#workload(instance);
      resources.set(resource.key, resource);
    }
    for (const subscription of subscriptions) {
      const resolution = this.resolve(subscription);
      resolutions.set(subscriptionKey(subscription), resolution);
      if (resolution.service) this.#addService(resources, resolution.service);
    }
    return { resources, resolutions };
  }

  #addService(resources: Map<string, ProxyResource>, service: ServiceId): void {
    const routes = this.#service(service);
    const targets = routes.routes.flatMap((route) => route.destinations.map((to) => to.service));
    resources.set(routes.key, routes);
    for (const target of [service, ...targets]) {
      // a route's destination brings its subsets and endpoints, not the routes of its own routes
      const shape = this.#service(target);
      const endpoints = this.endpoints(target);
      resources.set(shape.key, shape);
      resources.set(endpoints.key, endpoints);
    }
  }

  #service(service: ServiceId): ServiceResource {
    const key = formatId(service);
    if (this.#snapshot.services.has(key)) return serviceResource(this.#snapshot, service);
    const known = this.#defaults.get(key) ?? serviceResource(this.#snapshot, service);
    this.#defaults.set(key, known);
    return known;
  }

  #workload(instance: StoredInstance): WorkloadResource {
    const known = this.#workloads.get(instance.labels);
    if (known) return known;
    const workload = { namespace: instance.namespace, name: instance.workload };
    const resource = workloadResource(this.#snapshot, workload, instance.labels);
    this.#workloads.set(instance.labels, resource);
    return resource;
  }

  #toEndpoint(instance: StoredInstance): EndpointsResource["endpoints"][number] {
    const workload = { namespace: instance.namespace, name: instance.workload };
    return {
      id: instance.instanceId,
      namespace: instance.namespace,
      workload: instance.workload,
      labels: { ...instance.labels },
      address: instance.address,
      port: instance.inboundPort,
      ...(instance.morePorts.length === 0 ? {} : { ports: inboundPorts(instance) }),
      identity: formatSpiffeId({ trustDomain: this.#trustDomain, workload }),
      ...(instance.locality === undefined ? {} : { locality: instance.locality }),
      ...(instance.servesSinceMs === undefined ? {} : { servesSinceMs: instance.servesSinceMs }),
    };
  }
}

export function subscriptionKey({ namespace, host }: Subscription): string {
  return `${namespace} ${host}`;
}

/** The keys a subscription depends on, whether it resolves yet or not. */
export function subscriptionInterest(subscription: Subscription): string[] {
  const service = parseServiceHost(subscription.host, subscription.namespace);
  return service ? [`service/${formatId(service)}`, `endpoints/${formatId(service)}`] : [];
}

function serves(instance: StoredInstance): boolean {
  return instance.appPort !== undefined && !instance.isDraining; // without a port it only calls
}

/** By app port, so that a caller reaches every port where its sidecar serves it. */
function inboundPorts({ appPort, inboundPort, morePorts }: StoredInstance): Record<string, number> {
  const all = [{ appPort, inboundPort }, ...morePorts];
  return Object.fromEntries(all.map((port) => [String(port.appPort), port.inboundPort]));
}

function toPlaintextEndpoint(entry: WorkloadEntry): EndpointsResource["endpoints"][number] {
  return {
    id: `entry/${formatId(entry)}`,
    namespace: entry.namespace,
    workload: entry.name,
    labels: { ...entry.labels },
    address: entry.address,
    port: entry.port ?? 0,
  };
}
