import type { EndpointsResource } from "@heddle/contracts";
import { formatId, type ServiceId, type ServicePort } from "@heddle/mesh";
import type { StoredInstance } from "@heddle/store";
import { applyOverrides } from "../overrides/apply-overrides.ts";
import { serviceKeyOf } from "../registry/instance.ts";
import type { ConfigSnapshot } from "./config-snapshot.ts";
import {
  collectEndpoints,
  type KnownEndpoint,
  takesRequests,
  toEndpointsResource,
} from "./endpoint-set.ts";
import type { InstanceRegistry } from "./instance-registry.ts";
import { registeredPorts } from "./registered-ports.ts";

type Served = {
  readonly known: readonly KnownEndpoint[];
  readonly resource: EndpointsResource;
  /** What the instances have registered, for a service without declared ports. */
  readonly ports: ServicePort[] | undefined;
};

/** Who serves each service that was asked for, compiled once and kept until it may be another. */
export class ServedEndpoints {
  readonly #parts: {
    readonly registry: InstanceRegistry;
    readonly trustDomain: string;
    readonly plaintextPortsOf: (instance: StoredInstance) => ReadonlySet<number>;
  };
  readonly #known = new Map<string, { readonly service: ServiceId; readonly served: Served }>();

  constructor(parts: {
    readonly registry: InstanceRegistry;
    readonly trustDomain: string;
    readonly plaintextPortsOf: (instance: StoredInstance) => ReadonlySet<number>;
  }) {
    this.#parts = parts;
  }

  served(service: ServiceId, snapshot: ConfigSnapshot): Served {
    const key = formatId(service);
    const known = this.#known.get(key)?.served;
    if (known) return known;
    const made = this.collect(service, snapshot);
    this.#known.set(key, { service, served: made });
    return made;
  }

  /** The service's endpoints are collected anew when next asked for. */
  forget(key: string): void {
    this.#known.delete(key);
  }

  /** As they are under a snapshot; nothing is kept. */
  collect(service: ServiceId, snapshot: ConfigSnapshot): Served {
    const { registry, trustDomain, plaintextPortsOf } = this.#parts;
    const collected = collectEndpoints(service, snapshot.declared.get(formatId(service)), {
      trustDomain,
      registered: (name) => registry.instancesOfService(name),
      instancesOf: (namespace) =>
        [...registry.instances()].filter((one) => one.namespace === namespace),
      entries: snapshot.workloadEntries,
      plaintextPortsOf,
    });
    const known = applyOverrides(collected, snapshot.overrides);
    const instances = known.flatMap(({ instance }) => instance ?? []);
    return {
      known,
      resource: toEndpointsResource(service, known),
      ports: registeredPorts(instances),
    };
  }

  /** The services that endpoints of a workload serve, `namespace/name`. */
  servicesOf(
    { namespace, workload }: { readonly namespace: string; readonly workload: string },
    { declared }: ConfigSnapshot,
  ): string[] {
    const { registry } = this.#parts;
    const registered = [...registry.instances()].filter(
      (one) => one.namespace === namespace && one.workload === workload,
    );
    const written = [...declared].filter(([, { sources }]) =>
      sources.some(
        ({ resource }) =>
          resource.kind === "ServiceEntry" &&
          resource.namespace === namespace &&
          resource.name === workload,
      ),
    );
    const collected = [...this.#known].filter(([, { served }]) =>
      served.known.some(
        ({ endpoint }) => endpoint.namespace === namespace && endpoint.workload === workload,
      ),
    );
    const keys = [...written, ...collected].map(([key]) => key);
    return [...new Set([...registered.map(serviceKeyOf), ...keys])];
  }

  /** Collects anew what `next` may change; the keys of the resources that are others now. */
  replace(before: ConfigSnapshot, next: ConfigSnapshot): string[] {
    if (isSameList(before.endpointDocuments, next.endpointDocuments)) return [];
    return [...this.#known].flatMap(([key, { service, served }]) => {
      const made = this.collect(service, next);
      this.#known.set(key, { service, served: made });
      return made.resource.version === served.resource.version ? [] : [`endpoints/${key}`];
    });
  }

  /** The services, `namespace/name`, whose endpoints would be others under `next`. */
  changedBy(before: ConfigSnapshot, next: ConfigSnapshot): string[] {
    if (isSameList(before.endpointDocuments, next.endpointDocuments)) return [];
    return [...this.#known].flatMap(([key, { service, served }]) =>
      this.collect(service, next).resource.version === served.resource.version ? [] : [key],
    );
  }

  /** Of these services, `namespace/name`: how many endpoints they have, and would have under `next`. */
  count(
    before: ConfigSnapshot,
    next: ConfigSnapshot,
    usedServices: () => Iterable<string>,
  ): { readonly service: ServiceId; readonly before: number; readonly after: number }[] {
    if (isSameList(before.endpointDocuments, next.endpointDocuments)) return [];
    return [...usedServices()].map((key) => {
      const service = serviceIdOf(key);
      const after = countServing(this.collect(service, next).known);
      return { service, before: countServing(this.served(service, before).known), after };
    });
  }
}

function isSameList(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((entry, index) => entry === other[index]);
}

function countServing(known: readonly KnownEndpoint[]): number {
  return known.filter(takesRequests).length;
}

/** Takes `namespace/name` apart. */
export function serviceIdOf(key: string): ServiceId {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
