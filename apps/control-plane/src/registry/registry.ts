import type { GoneCause, InstanceHealthWire, WorkloadRegistration } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import type { StoredHold, StoredInstance, StoredProxy, StoredRegistry } from "@heddle/store";
import { GoneInstances } from "./gone-instances.ts";

/** A proxy that has joined, and what is known of it now. */
export type KnownProxy = StoredProxy & {
  readonly isConnected: boolean;
  /** Since when it is, or is not; `undefined`: not since the control plane's start. */
  readonly streamSinceMs?: number | undefined;
  /** It said `bye`: gone on purpose, not lost. */
  readonly hasLeft: boolean;
};

/** Proxies need this long to turn to another control plane when theirs has died. */
const ORPHAN_LEASE_MS = 30_000;
/** As proxies' leases run, and are renewed. */
const FOREIGN_LEASE_MS = 15_000;
const RENEWED_EVERY_MS = 5_000;

/** What a change of the registry touches: services by `namespace/name`, whose endpoints to look at again. */
export type TouchedServices = ReadonlySet<string>;

/** Who this control plane is among those over one database, and the clock they share. */
export type RegistryOwner = { readonly replicaId: string; readonly databaseNowMs: () => number };

const ALONE: RegistryOwner = { replicaId: "alone", databaseNowMs: Date.now };

/** Instances that are gone at once, and those to write; emptied by the one who writes them. */
export type UnsavedRegistry = {
  readonly instanceIds: ReadonlySet<string>;
  readonly removedInstanceIds: ReadonlySet<string>;
  readonly proxyIds: ReadonlySet<string>;
  /** Of all these, what other control planes have to hear of at once. */
  readonly news: { readonly proxyIds: string[]; readonly instanceIds: string[] };
};

/**
 * Who is in the mesh, held in memory: the database keeps a copy for the next start and for other control
 * planes, and nothing here waits for it. An instance lives as long as its lease.
 *
 * A proxy and its instances are *own* where its stream is, and *foreign* (taken over by `takeForeign`) at the
 * other control planes: only its own one ends a lease. When that one dies they are *orphans* everywhere, and
 * their leases run 30 s, within which the proxy turns to another control plane.
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
  #newsOfProxies = new Set<string>();
  #newsOfInstances = new Set<string>();
  readonly #owner: RegistryOwner;
  /** There is something that other control planes have to hear of at once. */
  onNews: () => void = () => {};

  constructor(owner: RegistryOwner = ALONE) {
    this.#owner = owner;
  }

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

  /** A proxy has joined, or joined again. */
  addProxy(proxy: StoredProxy): void {
    const { replicaId, claimedAtMs } = this.#proxies.get(proxy.id) ?? {};
    const claim = { replicaId, claimedAtMs };
    this.#proxies.set(proxy.id, { ...proxy, ...claim, isConnected: false, hasLeft: false });
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

  /** It is a service, though nobody serves it now. */
  noteService(serviceKey: string): void {
    if (!this.#byService.has(serviceKey)) this.#byService.set(serviceKey, new Set());
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
      replicaId: this.#owner.replicaId,
      claimedAtMs: this.#owner.databaseNowMs(),
    });
    this.#tell(proxyId);
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
      touched.add(this.#change(instance));
    }
    return touched;
  }

  /** Whether the proxy's stream is, or was last, at this control plane. */
  isOwn(proxyId: string): boolean {
    return this.#proxies.get(proxyId)?.replicaId === this.#owner.replicaId;
  }

  /** A sign of life: the leases of all its instances run on, and nothing of it has to be held any more. */
  renew(proxyId: string, leaseEndsAtMs: number, nowMs: number): void {
    if (!this.isOwn(proxyId)) return; // it has a newer stream elsewhere
    this.#update(proxyId, { lastSeenAtMs: nowMs });
    for (const instance of this.instancesOfProxy(proxyId)) {
      this.#change({ ...instance, leaseEndsAtMs, hold: undefined });
    }
  }

  /** The proxy is about to end: no new requests for its instances, which stay until it says goodbye. */
  drain(proxyId: string, nowMs = Date.now()): TouchedServices {
    if (!this.isOwn(proxyId)) return new Set();
    this.#tell(proxyId);
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
    if (!this.isOwn(proxyId)) return touched;
    for (const { workload, health } of workloads) {
      const instance = this.#instances.get(`${proxyId}/${formatId(workload)}`);
      if (!instance) continue; // it speaks for what it hosts
      const service = this.#change({ ...instance, health });
      this.#tell(proxyId);
      if (isFit(instance) !== isFit({ health })) touched.add(service);
    }
    return touched;
  }

  /** Takes in an instance that has no proxy, or a sign of life of one; says whether callers have to hear of it. */
  register(instance: StoredInstance): TouchedServices {
    const before = this.#instances.get(instance.instanceId);
    const touched = new Set<string>();
    if (before?.replicaId !== this.#owner.replicaId) {
      this.#newsOfInstances.add(instance.instanceId); // whoever kept its lease leaves that to us
      this.onNews();
    }
    if (before && isSameEndpoint(before, instance)) {
      this.#change({ ...instance, labels: before.labels, servesSinceMs: before.servesSinceMs });
      return touched;
    }
    if (before) touched.add(this.#detach(before));
    touched.add(this.#change(instance));
    this.#newsOfInstances.add(instance.instanceId);
    this.onNews();
    return touched;
  }

  /** The stream has ended; the instances stay until their leases do. */
  disconnect(proxyId: string, nowMs = Date.now()): void {
    if (!this.isOwn(proxyId)) return;
    this.#tell(proxyId);
    this.#update(proxyId, { isConnected: false, streamSinceMs: nowMs });
  }

  /** The proxy says goodbye: its instances go at once. */
  leave(proxyId: string, nowMs = Date.now()): TouchedServices {
    if (!this.isOwn(proxyId)) return new Set();
    this.#tell(proxyId);
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
    this.#tell(proxyId);
  }

  /** The proxy is put out: its instances go at once, and it does not come back under this id. */
  revoke(proxyId: string, nowMs: number): TouchedServices {
    this.#tell(proxyId);
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
      (one) => one.leaseEndsAtMs <= nowMs && one.hold === undefined && this.keepsLeaseOf(one),
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

  /** An instance's proxy says at which of its app ports no TLS ends. */
  notePlaintextPorts(instanceId: string, plaintextPorts: readonly number[]): void {
    const instance = this.#instances.get(instanceId);
    if (!instance || instance.plaintextPorts?.join() === plaintextPorts.join()) return;
    this.#change({ ...instance, plaintextPorts });
    this.#tell(instance.proxyId);
  }

  // ---- Proxies that are connected to other control planes ----

  /**
   * Takes over what the database says of `asked` (`undefined`: of everything), but not of what is own, unless
   * another control plane has claimed it since: `lost` are those. `alive`: ids of the control planes that are.
   */
  takeForeign(
    { proxies, instances }: StoredRegistry,
    asked: { proxyIds: readonly string[]; instanceIds: readonly string[] } | undefined,
    alive: ReadonlySet<string>,
    nowMs: number,
  ): { readonly touched: TouchedServices; readonly lost: readonly string[] } {
    const touched = new Set<string>();
    const lost: string[] = [];
    const isOver = new Map<string, GoneCause>();
    for (const proxy of proxies) {
      const before = this.#proxies.get(proxy.id);
      const isOwn = before?.replicaId === this.#owner.replicaId;
      const isNewer = (proxy.claimedAtMs ?? 0) > Math.floor(before?.claimedAtMs ?? 0);
      const isRevoked = proxy.revokedAtMs !== undefined && before?.revokedAtMs === undefined;
      if (isOwn && (!isNewer || proxy.replicaId === this.#owner.replicaId) && !isRevoked) {
        if (!before.isConnected) this.#takeJoin(before, proxy);
        continue;
      }
      if (isOwn || isRevoked) lost.push(proxy.id);
      const isConnected = proxy.isConnected === true && alive.has(proxy.replicaId ?? "");
      const hasLeft = proxy.leftAtMs !== undefined;
      const streamSinceMs = before?.isConnected === isConnected ? before.streamSinceMs : nowMs;
      this.#proxies.set(proxy.id, { ...proxy, isConnected, hasLeft, streamSinceMs });
      this.#unsavedProxies.delete(proxy.id);
      const cause = isRevoked ? "revoked" : hasLeft ? "goodbye" : "lease-ended";
      isOver.set(proxy.id, cause);
    }
    const rows = new Map(instances.map((one) => [one.instanceId, one]));
    const isAsked = (one: StoredInstance) =>
      one.proxyId === ""
        ? (asked?.instanceIds.includes(one.instanceId) ??
            one.replicaId !== this.#owner.replicaId) &&
          !this.#unsavedInstances.has(one.instanceId)
        : isOver.has(one.proxyId);
    for (const instance of [...this.#instances.values()].filter(isAsked)) {
      if (rows.has(instance.instanceId)) continue;
      touched.add(this.#remove(instance, isOver.get(instance.proxyId) ?? "lease-ended", nowMs));
      this.#unsavedRemovals.delete(instance.instanceId);
    }
    for (const instance of rows.values()) {
      if (isAsked(instance))
        for (const service of this.#putForeign(instance, alive, nowMs)) touched.add(service);
    }
    return { touched, lost };
  }

  /** These control planes are alive: what the others kept is nobody's now, and lives for `graceMs` yet. */
  noteAlive(alive: ReadonlySet<string>, nowMs: number, graceMs: number): boolean {
    const isDead = (replicaId: string | undefined) =>
      replicaId !== undefined && replicaId !== this.#owner.replicaId && !alive.has(replicaId);
    let hasChanged = false;
    for (const proxy of this.#proxies.values()) {
      if (!proxy.isConnected || !isDead(proxy.replicaId)) continue;
      this.#proxies.set(proxy.id, { ...proxy, isConnected: false, streamSinceMs: nowMs });
      hasChanged = true;
    }
    for (const instance of this.#instances.values()) {
      if (!isDead(instance.replicaId)) {
        this.#noteForeignLease(instance, nowMs);
        continue;
      }
      const leaseEndsAtMs = nowMs + graceMs;
      this.#instances.set(instance.instanceId, {
        ...instance,
        replicaId: undefined,
        leaseEndsAtMs,
      });
      hasChanged = true;
    }
    return hasChanged;
  }

  /** It may have joined again at another control plane, with another token. */
  #takeJoin(before: KnownProxy, { namespace, workload, ownKeyHash }: StoredProxy): void {
    const key = this.#unsavedProxies.has(before.id) ? before.ownKeyHash : ownKeyHash;
    this.#proxies.set(before.id, { ...before, namespace, workload, ownKeyHash: key });
  }

  /** Renewals at other control planes are not told: of a proxy that is connected there they are assumed. */
  #noteForeignLease(instance: StoredInstance, nowMs: number): void {
    const isRunning = this.#proxies.get(instance.proxyId)?.isConnected === true;
    if (this.keepsLeaseOf(instance) || !isRunning || instance.hold) return;
    if (instance.leaseEndsAtMs > nowMs + FOREIGN_LEASE_MS - RENEWED_EVERY_MS) return;
    const leaseEndsAtMs = nowMs + FOREIGN_LEASE_MS;
    this.#instances.set(instance.instanceId, { ...instance, leaseEndsAtMs });
  }

  #putForeign(
    stored: StoredInstance,
    alive: ReadonlySet<string>,
    nowMs: number,
  ): readonly string[] {
    const before = this.#instances.get(stored.instanceId);
    this.#unsavedInstances.delete(stored.instanceId);
    const isOrphan = !alive.has(stored.replicaId ?? "");
    if (isOrphan && before?.replicaId === undefined && before) return []; // its grace is running
    const replicaId = isOrphan ? undefined : stored.replicaId;
    const instance = {
      ...stored,
      replicaId,
      ...(isOrphan
        ? { leaseEndsAtMs: Math.max(stored.leaseEndsAtMs, nowMs + ORPHAN_LEASE_MS) }
        : {}),
    };
    if (before && isSameEndpoint(before, instance) && isSamePorts(before, instance)) {
      this.#put({ ...instance, labels: before.labels }); // views are kept by the labels' identity
      return [];
    }
    const former = before === undefined ? [] : [this.#detach(before)];
    return [...former, this.#put(instance)];
  }

  /** Whether its lease is this control plane's matter: one's own, and those whose control plane is gone. */
  keepsLeaseOf({ replicaId }: StoredInstance): boolean {
    return replicaId === undefined || replicaId === this.#owner.replicaId;
  }

  #tell(proxyId: string): void {
    this.#newsOfProxies.add(proxyId);
    this.onNews();
  }

  // ---- What is to be written ----

  /** The hold of an instance is another, as when somebody has dismissed it. */
  changeHold(instanceId: string, hold: StoredHold): void {
    const instance = this.#instances.get(instanceId);
    if (instance) this.#change({ ...instance, hold });
  }

  takeOut(instances: readonly StoredInstance[], cause: GoneCause, nowMs: number): TouchedServices {
    for (const { proxyId, instanceId } of instances) {
      if (proxyId !== "") this.#newsOfProxies.add(proxyId);
      else this.#newsOfInstances.add(instanceId);
    }
    if (instances.length > 0) this.onNews();
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
      news: { proxyIds: [...this.#newsOfProxies], instanceIds: [...this.#newsOfInstances] },
    };
    this.#newsOfProxies = new Set();
    this.#newsOfInstances = new Set();
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
    for (const id of unsaved.news.proxyIds) this.#newsOfProxies.add(id);
    for (const id of unsaved.news.instanceIds) this.#newsOfInstances.add(id);
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
    return this.#put({ ...instance, replicaId: this.#owner.replicaId });
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

/** What callers are told beside it. */
function isSamePorts(before: StoredInstance, now: StoredInstance): boolean {
  const text = ({ inboundPort, morePorts, plaintextPorts, hold }: StoredInstance) =>
    JSON.stringify([inboundPort, morePorts, plaintextPorts, hold !== undefined]);
  return text(before) === text(now);
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
