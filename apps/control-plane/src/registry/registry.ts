import type { GoneCause, InstanceHealthWire, WorkloadRegistration } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import type { StoredHold, StoredInstance, StoredProxy } from "@heddle/store";
import { GoneInstances } from "./gone-instances.ts";

/** A proxy that has joined, and what is known of it now. */
export type KnownProxy = StoredProxy & {
  readonly isConnected: boolean;
  /** Since when it is, or is not; `undefined`: not since the control plane's start. */
  readonly streamSinceMs?: number | undefined;
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
  readonly gone = new GoneInstances();
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
      streamSinceMs: nowMs,
      hasLeft: false,
      leftAtMs: undefined,
      lastSeenAtMs: nowMs,
    });
    const touched = new Set<string>();
    const hosted = new Set(registrations.map(({ instanceId }) => instanceId));
    for (const instance of this.instancesOfProxy(proxyId)) {
      if (!hosted.has(instance.instanceId))
        touched.add(this.#remove(instance, "not-hosted", nowMs));
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

  /** A sign of life: the leases of all its instances run on, and nothing of it has to be held any more. */
  renew(proxyId: string, leaseEndsAtMs: number, nowMs: number): void {
    this.#update(proxyId, { lastSeenAtMs: nowMs });
    for (const instance of this.instancesOfProxy(proxyId)) {
      this.#change({ ...instance, leaseEndsAtMs, hold: undefined });
    }
  }

  /** The proxy is about to end: no new requests for its instances, which stay until it says goodbye. */
  drain(proxyId: string, nowMs = Date.now()): TouchedServices {
    return new Set(
      this.instancesOfProxy(proxyId).map((instance) =>
        this.#change({ ...instance, isDraining: true, drainingSinceMs: nowMs }),
      ),
    );
  }

  /** What the proxy's checks of its apps say. Returns the services of which an instance changed sides. */
  noteHealth(
    proxyId: string,
    workloads: readonly {
      readonly workload: { readonly namespace: string; readonly name: string };
      readonly health: InstanceHealthWire;
    }[],
  ): TouchedServices {
    const touched = new Set<string>();
    for (const { workload, health } of workloads) {
      const instance = this.#instances.get(`${proxyId}/${formatId(workload)}`);
      if (!instance) continue; // it speaks for what it hosts
      const service = this.#change({ ...instance, health });
      if (isFit(instance) !== isFit({ health })) touched.add(service);
    }
    return touched;
  }

  /** Takes in an instance that has no proxy, or a sign of life of one; says whether callers have to hear of it. */
  register(instance: StoredInstance): TouchedServices {
    const before = this.#instances.get(instance.instanceId);
    const touched = new Set<string>();
    if (before && isSameEndpoint(before, instance)) {
      this.#change({ ...instance, labels: before.labels, servesSinceMs: before.servesSinceMs });
      return touched;
    }
    if (before) touched.add(this.#detach(before));
    touched.add(this.#change(instance));
    return touched;
  }

  /** The stream has ended; the instances stay until their leases do. */
  disconnect(proxyId: string, nowMs = Date.now()): void {
    this.#update(proxyId, { isConnected: false, streamSinceMs: nowMs });
  }

  /** The proxy says goodbye: its instances go at once. */
  leave(proxyId: string, nowMs = Date.now()): TouchedServices {
    this.#update(proxyId, {
      isConnected: false,
      streamSinceMs: nowMs,
      hasLeft: true,
      leftAtMs: nowMs,
    });
    return this.takeOut(this.instancesOfProxy(proxyId), "goodbye", nowMs);
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
      streamSinceMs: nowMs,
      hasLeft: true,
      leftAtMs: nowMs,
      revokedAtMs: nowMs,
    });
    return this.takeOut(this.instancesOfProxy(proxyId), "revoked", nowMs);
  }

  /**
   * Takes out every instance whose lease has ended, but those that `guard` holds. It is asked only when
   * there are any, of those that are not held yet.
   */
  expire(nowMs: number, guard?: (ended: readonly StoredInstance[]) => HeldLeases): TouchedServices {
    const ended = [...this.#instances.values()].filter(
      (one) => one.leaseEndsAtMs <= nowMs && one.hold === undefined,
    );
    if (ended.length === 0) return new Set();
    const held = guard?.(ended) ?? new Map<string, StoredHold>();
    for (const instance of ended) {
      const hold = held.get(instance.instanceId);
      if (hold) this.#change({ ...instance, hold });
    }
    const gone = ended.filter(({ instanceId }) => !held.has(instanceId));
    return this.takeOut(gone, "lease-ended", nowMs);
  }

  /** Those kept against the word of the registry. */
  heldInstances(): StoredInstance[] {
    return [...this.#instances.values()].filter(({ hold }) => hold !== undefined);
  }

  /** The hold of an instance is another, as when somebody has dismissed it. */
  changeHold(instanceId: string, hold: StoredHold): void {
    const instance = this.#instances.get(instanceId);
    if (instance) this.#change({ ...instance, hold });
  }

  takeOut(instances: readonly StoredInstance[], cause: GoneCause, nowMs: number): TouchedServices {
    return new Set(instances.map((instance) => this.#remove(instance, cause, nowMs)));
  }

  noteCertificate(instanceId: string, notAfterMs: number): void {
    const instance = this.#instances.get(instanceId);
    if (instance) this.#change({ ...instance, certificateNotAfterMs: notAfterMs });
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

  /** Puts it in as it is now, and has it written. */
  #change(instance: StoredInstance): string {
    this.#unsavedInstances.add(instance.instanceId);
    return this.#put(instance);
  }

  #put(instance: StoredInstance): string {
    const service = serviceKeyOf(instance);
    this.#instances.set(instance.instanceId, instance);
    this.#unsavedRemovals.delete(instance.instanceId);
    this.gone.forget(instance.instanceId);
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

  #remove(instance: StoredInstance, cause: GoneCause, goneAtMs: number): string {
    const proxyName = this.#proxies.get(instance.proxyId)?.name;
    this.gone.note({ instance, proxyName, cause, goneAtMs });
    this.#unsavedInstances.delete(instance.instanceId);
    this.#unsavedRemovals.add(instance.instanceId);
    return this.#detach(instance);
  }

  #pick(ids: ReadonlySet<string> | undefined): StoredInstance[] {
    return [...(ids ?? [])].flatMap((id) => this.#instances.get(id) ?? []);
  }
}

/** Of those whose leases have ended, by instance id: which are held. */
export type HeldLeases = ReadonlyMap<string, StoredHold>;

/** Whether its app may get requests: one that is checked and was not found well yet may not. */
export function isFit({ health }: Pick<StoredInstance, "health">): boolean {
  return health === undefined || health.status === "healthy";
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
    health: healthAfter(before?.health, registration.health),
  };
}

/** A proxy that has just started has not checked yet: what the last one of its id found holds so long. */
function healthAfter(
  before: StoredInstance["health"],
  told: InstanceHealthWire | undefined,
): StoredInstance["health"] {
  return told?.status === "unknown" && before !== undefined ? before : told;
}

/** Whether callers would see no difference. */
function isSameEndpoint(before: StoredInstance, now: StoredInstance): boolean {
  return endpointText(before) === endpointText(now);
}

function endpointText(instance: StoredInstance): string {
  const { service, workload, labels, address, appPort, protocol, locality, weight } = instance;
  const named = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const isUsed = isFit(instance) && !instance.isDraining;
  return JSON.stringify([
    service,
    workload,
    named,
    address,
    appPort,
    protocol,
    locality,
    weight,
    isUsed,
  ]);
}

function index(map: Map<string, Set<string>>, key: string, id: string): void {
  const ids = map.get(key);
  if (ids) ids.add(id);
  else map.set(key, new Set([id]));
}
