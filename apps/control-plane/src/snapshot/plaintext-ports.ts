import type { ProxyResource, WorkloadResource } from "@heddle/contracts";
import type { StoredInstance } from "@heddle/store";
import { serviceKeyOf } from "../registry/instance.ts";
import type { InstanceRegistry } from "./instance-registry.ts";

/**
 * The app ports at which each instance's proxy, as it last said, ends no TLS. Callers are told what it runs and
 * not what it shall run: so none speaks plaintext, or TLS, before it is understood.
 */
export class PlaintextPorts {
  readonly #registry: InstanceRegistry;
  readonly #workload: (instance: StoredInstance) => WorkloadResource;
  /** By the labels of an instance, which stay the same object until it registers anew. */
  readonly #known = new WeakMap<StoredInstance["labels"], ReadonlySet<number>>();

  /** `workload`: what shall hold for an instance's inbound side. */
  constructor(
    registry: InstanceRegistry,
    workload: (instance: StoredInstance) => WorkloadResource,
  ) {
    this.#registry = registry;
    this.#workload = workload;
  }

  /** A proxy runs these resources from now on. Returns the services whose callers have to hear of it. */
  noteRunning(proxyId: string, resources: Iterable<ProxyResource>): Set<string> {
    const touched = new Set<string>();
    const running = new Map<string, WorkloadResource>();
    for (const resource of resources) {
      if (resource.kind === "workload") running.set(resource.key, resource);
    }
    if (running.size === 0) return touched;
    for (const instance of this.#registry.instancesOfProxy(proxyId)) {
      const resource = running.get(`workload/${instance.namespace}/${instance.workload}`);
      if (resource === undefined) continue;
      const before = this.of(instance);
      const now = plaintextPortsOf(instance, resource);
      this.#known.set(instance.labels, now);
      this.#registry.notePlaintextPorts(
        instance.instanceId,
        [...now].toSorted((a, b) => a - b),
      );
      if (before.symmetricDifference(now).size > 0) touched.add(serviceKeyOf(instance));
    }
    return touched;
  }

  /** Of one that has not said anything yet: what it will be told first. */
  of(instance: StoredInstance): ReadonlySet<number> {
    // Of a proxy that is connected to another control plane, what that one was told.
    const isOwn = this.#registry.isOwn(instance.proxyId);
    if (!isOwn && instance.plaintextPorts) return new Set(instance.plaintextPorts);
    const known = this.#known.get(instance.labels);
    if (known !== undefined) return known;
    const assumed = plaintextPortsOf(instance, this.#workload(instance));
    this.#known.set(instance.labels, assumed);
    return assumed;
  }
}

/** The ports of an instance's app for which the mode DISABLE holds. */
function plaintextPortsOf(
  { appPort, morePorts }: StoredInstance,
  { mtlsMode, portMtlsModes }: WorkloadResource,
): ReadonlySet<number> {
  const ports = [appPort, ...morePorts.map((port) => port.appPort)].filter(
    (port) => port !== undefined,
  );
  return new Set(ports.filter((port) => (portMtlsModes?.[port] ?? mtlsMode) === "DISABLE"));
}
