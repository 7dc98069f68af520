import type { WorkloadRegistration } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import type { StoredInstance, StoredProxy } from "@heddle/store";

/** A proxy that has joined, and what is known of it now. */
export type KnownProxy = StoredProxy & {
  readonly isConnected: boolean;
  /** It said `bye`: gone on purpose, not lost. */
  readonly hasLeft: boolean;
};

/** What a change of the registry touches: services by `namespace/name`, whose endpoints to look at again. */
export type TouchedServices = ReadonlySet<string>;

/** Instances that are gone at once, and those to write; emptied by the one who writes them. */
export type UnsavedRegistry = {
  readonly instanceIds: ReadonlySet<string>;
  readonly removedInstanceIds: ReadonlySet<string>;
  readonly proxyIds: ReadonlySet<string>;
};

/**
 * Who is in the mesh, held in memory: the database keeps a copy for the next start, and nothing here
 * waits for it. An instance lives as long as its lease.
 */
export class Registry {
  readonly #proxies = new Map<string, KnownProxy>();
  readonly #instances = new Map<string, StoredInstance>();
  readonly #byProxy = new Map<string, Set<string>>();
  readonly #byService = new Map<string, Set<string>>();
  #unsavedInstances = new Set<string>();
  #unsavedRemovals = new Set<string>();
  #unsavedProxies = new Set<string>();

  /** Takes over what was stored; every lease runs at least until `leaseEndsAtMs`. */
  load(
    stored: {
      readonly proxies: readonly StoredProxy[];
      readonly instances: readonly StoredInstance[];
    },
    leaseEndsAtMs: number,
  ): void {
    for (const proxy of stored.proxies) {
      const hasLeft = proxy.leftAtMs !== undefined;
      this.#proxies.set(proxy.id, { ...proxy, isConnected: false, hasLeft });
    }
    for (const instance of stored.instances) this.#put({ ...instance, leaseEndsAtMs });
  }

  addProxy(proxy: StoredProxy): void {
    this.#proxies.set(proxy.id, { ...proxy, isConnected: false, hasLeft: false });
  }

  findProxy(proxyId: string): KnownProxy | undefined {
    return this.#proxies.get(proxyId);
  }

  proxies(): Iterable<KnownProxy> {
    return this.#proxies.values();
  }

  instances(): Iterable<StoredInstance> {
    return this.#instances.values();
  }

  instancesOfService(serviceKey: string): StoredInstance[] {
    return this.#pick(this.#byService.get(serviceKey));
  }

  instancesOfProxy(proxyId: string): StoredInstance[] {
    return this.#pick(this.#byProxy.get(proxyId));
  }

  /** Whether the service has or had instances since the control plane started. */
  isKnownService(serviceKey: string): boolean {
    return this.#byService.has(serviceKey);
  }

  serviceKeys(): Iterable<string> {
    return this.#byService.keys();
  }

  /**
   * A proxy has opened its stream with all it hosts; what it hosted before and no longer does, goes. One
   * that drains and has lost its stream says so again.
   */
  connect(
    proxyId: string,
    about: { readonly name: string; readonly version: string },
    registrations: readonly WorkloadRegistration[],
    leaseEndsAtMs: number,
    nowMs: number,
  ): TouchedServices {
    this.#update(proxyId, {
      ...about,
      isConnected: true,
      hasLeft: false,
      leftAtMs: undefined,
      lastSeenAtMs: nowMs,
    });
    const touched = new Set<string>();
    const hosted = new Set(registrations.map(({ instanceId }) => instanceId));
    for (const instance of this.instancesOfProxy(proxyId)) {
      if (!hosted.has(instance.instanceId)) touched.add(this.#remove(instance));
    }
    for (const registration of registrations) {
      const before = this.#instances.get(registration.instanceId);
      if (before) touched.add(this.#detach(before));
      const instance = toInstance(proxyId, registration, leaseEndsAtMs, nowMs, before);
      touched.add(this.#put(instance));
      this.#unsavedInstances.add(instance.instanceId);
    }
    return touched;
  }

  /** A sign of life: the leases of all its instances run on. */
  renew(proxyId: string, leaseEndsAtMs: number, nowMs: number): void {
    this.#update(proxyId, { lastSeenAtMs: nowMs });
    for (const instance of this.instancesOfProxy(proxyId)) {
      this.#instances.set(instance.instanceId, { ...instance, leaseEndsAtMs });
      this.#unsavedInstances.add(instance.instanceId);
    }
  }

  /** The proxy is about to end: no new requests for its instances, which stay until it says goodbye. */
  drain(proxyId: string): TouchedServices {
    return new Set(
      this.instancesOfProxy(proxyId).map((instance) => {
        this.#unsavedInstances.add(instance.instanceId);
        return this.#put({ ...instance, isDraining: true });
      }),
    );
  }

  /** The stream has ended; the instances stay until their leases do. */
  disconnect(proxyId: string): void {
    this.#update(proxyId, { isConnected: false });
  }

  /** The proxy says goodbye: its instances go at once. */
  leave(proxyId: string, nowMs = Date.now()): TouchedServices {
    this.#update(proxyId, { isConnected: false, hasLeft: true, leftAtMs: nowMs });
    return new Set(this.instancesOfProxy(proxyId).map((instance) => this.#remove(instance)));
  }

  /** The roots a proxy has said it believes, SHA-256 in base64url. */
  noteTrust(proxyId: string, trustedRoots: readonly string[]): void {
    const before = this.#proxies.get(proxyId)?.trustedRoots ?? [];
    if (before.join() !== trustedRoots.join()) this.#update(proxyId, { trustedRoots });
  }

  /** The key of the proxy's newest own certificate, by which it can prove later who it was. */
  noteOwnKey(proxyId: string, ownKeyHash: string): void {
    this.#update(proxyId, { ownKeyHash });
  }

  /** The proxy is put out: its instances go at once, and it does not come back under this id. */
  revoke(proxyId: string, nowMs: number): TouchedServices {
    this.#update(proxyId, {
      isConnected: false,
      hasLeft: true,
      leftAtMs: nowMs,
      revokedAtMs: nowMs,
    });
    return new Set(this.instancesOfProxy(proxyId).map((instance) => this.#remove(instance)));
  }

  /** Takes out every instance whose lease has ended. */
  expire(nowMs: number): TouchedServices {
    const ended = [...this.#instances.values()].filter((one) => one.leaseEndsAtMs <= nowMs);
    return new Set(ended.map((instance) => this.#remove(instance)));
  }

  noteCertificate(instanceId: string, notAfterMs: number): void {
    const instance = this.#instances.get(instanceId);
    if (!instance) return;
    this.#instances.set(instanceId, { ...instance, certificateNotAfterMs: notAfterMs });
    this.#unsavedInstances.add(instanceId);
  }

  /** Hands over what is not in the database yet, and starts counting anew. */
  takeUnsaved(): UnsavedRegistry {
    const unsaved = {
      instanceIds: this.#unsavedInstances,
      removedInstanceIds: this.#unsavedRemovals,
      proxyIds: this.#unsavedProxies,
    };
    this.#unsavedInstances = new Set();
    this.#unsavedRemovals = new Set();
    this.#unsavedProxies = new Set();
    return unsaved;
  }

  /** Writing failed: all of it is to be written again, as it stands by then. */
  putBackUnsaved(unsaved: UnsavedRegistry): void {
    for (const id of unsaved.instanceIds) this.#unsavedInstances.add(id);
    for (const id of unsaved.removedInstanceIds) {
      if (!this.#instances.has(id)) this.#unsavedRemovals.add(id);
    }
    for (const id of unsaved.proxyIds) this.#unsavedProxies.add(id);
  }

  findInstance(instanceId: string): StoredInstance | undefined {
    return this.#instances.get(instanceId);
  }

  #update(proxyId: string, change: Partial<KnownProxy>): void {
    const proxy = this.#proxies.get(proxyId);
    if (!proxy) return;
    this.#proxies.set(proxyId, { ...proxy, ...change });
    this.#unsavedProxies.add(proxyId);
  }

  #put(instance: StoredInstance): string {
    const service = serviceKeyOf(instance);
    this.#instances.set(instance.instanceId, instance);
    this.#unsavedRemovals.delete(instance.instanceId);
    index(this.#byProxy, instance.proxyId, instance.instanceId);
    index(this.#byService, service, instance.instanceId);
    return service;
  }

  #detach(instance: StoredInstance): string {
    const service = serviceKeyOf(instance);
    this.#instances.delete(instance.instanceId);
    this.#byProxy.get(instance.proxyId)?.delete(instance.instanceId);
    // the key stays: a service without endpoints is still a service, not a name outside the mesh
    this.#byService.get(service)?.delete(instance.instanceId);
    return service;
  }

  #remove(instance: StoredInstance): string {
    this.#unsavedInstances.delete(instance.instanceId);
    this.#unsavedRemovals.add(instance.instanceId);
    return this.#detach(instance);
  }

  #pick(ids: ReadonlySet<string> | undefined): StoredInstance[] {
    return [...(ids ?? [])].flatMap((id) => this.#instances.get(id) ?? []);
  }
}

export function serviceKeyOf(instance: StoredInstance): string {
  return formatId({ namespace: instance.namespace, name: instance.service });
}

export function workloadKeyOf(instance: StoredInstance): string {
  return formatId({ namespace: instance.namespace, name: instance.workload });
}

function toInstance(
  proxyId: string,
  registration: WorkloadRegistration,
  leaseEndsAtMs: number,
  nowMs: number,
  before: StoredInstance | undefined,
): StoredInstance {
  const { service, version } = registration;
  return {
    instanceId: registration.instanceId,
    proxyId,
    namespace: registration.namespace,
    workload: registration.workload,
    service,
    version,
    labels: {
      ...registration.labels,
      app: service,
      ...(version === undefined ? {} : { version }),
    },
    address: registration.address,
    inboundPort: registration.inboundPort,
    appPort: registration.appPort,
    protocol: registration.protocol,
    morePorts: (registration.morePorts ?? []).map(({ name, appPort, inboundPort, protocol }) => ({
      name,
      appPort,
      inboundPort,
      protocol,
    })),
    locality: registration.locality,
    servesSinceMs: before === undefined ? nowMs : before.servesSinceMs,
    isDraining: false,
    leaseEndsAtMs,
    certificateNotAfterMs: before?.certificateNotAfterMs,
  };
}

function index(map: Map<string, Set<string>>, key: string, id: string): void {
  const ids = map.get(key);
  if (ids) ids.add(id);
  else map.set(key, new Set([id]));
}
