import type { GoneCause, InstanceHealthWire, WorkloadRegistration } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import type { StoredHold, StoredInstance, StoredProxy } from "@heddle/store";
import { ForeignInstances } from "./foreign-instances.ts";
import type { GoneInstances } from "./gone-instances.ts";
import { isFit, isLetGo, isSameEndpoint, toInstance } from "./instance.ts";
import {
  type KnownProxy,
  type RegistryOwner,
  RegistryTable,
  type TouchedServices,
} from "./registry-table.ts";
import type { UnsavedRegistry } from "./unsaved-changes.ts";

const ALONE: RegistryOwner = {
  replicaId: "alone",
  databaseNowMs: Date.now,
  keepsOrphans: () => true,
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
  readonly #table: RegistryTable;
  readonly #foreign: ForeignInstances;

  constructor(owner: RegistryOwner = ALONE) {
    this.#table = new RegistryTable(owner);
    this.#foreign = new ForeignInstances(this.#table);
  }

  /** Who has left within the last minutes. */
  get gone(): GoneInstances {
    return this.#table.gone;
  }

  /** Called when there is something that other control planes have to hear of at once. */
  set onNews(onNews: () => void) {
    this.#table.onNews = onNews;
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
      this.#table.proxies.set(proxy.id, { ...proxy, isConnected: false, hasLeft });
    }
    for (const instance of stored.instances) {
      if (isLetGo(instance)) this.#table.unsaved.removals.add(instance.instanceId);
      else this.#table.put({ ...instance, leaseEndsAtMs });
    }
  }

  /** A proxy has joined, or joined again. */
  addProxy(proxy: StoredProxy): void {
    const { replicaId, claimedAtMs } = this.#table.proxies.get(proxy.id) ?? {};
    const claim = { replicaId, claimedAtMs };
    this.#table.proxies.set(proxy.id, { ...proxy, ...claim, isConnected: false, hasLeft: false });
  }

  findProxy(proxyId: string): KnownProxy | undefined {
    return this.#table.proxies.get(proxyId);
  }

  proxies(): Iterable<KnownProxy> {
    return this.#table.proxies.values();
  }

  instances(): Iterable<StoredInstance> {
    return this.#table.instances.values();
  }

  instancesOfService(serviceKey: string): StoredInstance[] {
    return this.#table.pick(this.#table.byService.get(serviceKey));
  }

  instancesOfProxy(proxyId: string): StoredInstance[] {
    return this.#table.pick(this.#table.byProxy.get(proxyId));
  }

  /** Whether the service has or had instances since the control plane started. */
  isKnownService(serviceKey: string): boolean {
    return this.#table.byService.has(serviceKey);
  }

  /** It is a service, though nobody serves it now. */
  noteService(serviceKey: string): void {
    if (!this.#table.byService.has(serviceKey)) this.#table.byService.set(serviceKey, new Set());
  }

  serviceKeys(): Iterable<string> {
    return this.#table.byService.keys();
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
    this.#table.update(proxyId, {
      ...about,
      isConnected: true,
      streamSinceMs: nowMs,
      hasLeft: false,
      leftAtMs: undefined,
      lastSeenAtMs: nowMs,
      replicaId: this.#table.owner.replicaId,
      claimedAtMs: this.#table.owner.databaseNowMs(),
    });
    this.#table.tell(proxyId);
    const touched = new Set<string>();
    const hosted = new Set(registrations.map(({ instanceId }) => instanceId));
    for (const instance of this.instancesOfProxy(proxyId)) {
      if (!hosted.has(instance.instanceId))
        touched.add(this.#table.remove(instance, "not-hosted", nowMs));
    }
    for (const registration of registrations) {
      const before = this.#table.instances.get(registration.instanceId);
      if (before) touched.add(this.#table.detach(before));
      const instance = toInstance(proxyId, registration, leaseEndsAtMs, nowMs, before);
      touched.add(this.#table.change(instance));
    }
    return touched;
  }

  /** Whether the proxy's stream is, or was last, at this control plane. */
  isOwn(proxyId: string): boolean {
    return this.#table.proxies.get(proxyId)?.replicaId === this.#table.owner.replicaId;
  }

  /** A sign of life: the leases of all its instances run on, and nothing of it has to be held any more. */
  renew(proxyId: string, leaseEndsAtMs: number, nowMs: number): void {
    if (!this.isOwn(proxyId)) return; // it has a newer stream elsewhere
    this.#table.update(proxyId, { lastSeenAtMs: nowMs });
    for (const instance of this.instancesOfProxy(proxyId)) {
      if (instance.hold) this.#table.tell(proxyId);
      this.#table.change({ ...instance, leaseEndsAtMs, hold: undefined });
    }
  }

  /** The proxy is about to end: no new requests for its instances, which stay until it says goodbye. */
  drain(proxyId: string, nowMs = Date.now()): TouchedServices {
    if (!this.isOwn(proxyId)) return new Set();
    this.#table.tell(proxyId);
    return new Set(
      this.instancesOfProxy(proxyId).map((instance) =>
        this.#table.change({ ...instance, isDraining: true, drainingSinceMs: nowMs }),
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
      const instance = this.#table.instances.get(`${proxyId}/${formatId(workload)}`);
      if (!instance) continue; // it speaks for what it hosts
      const service = this.#table.change({ ...instance, health });
      this.#table.tell(proxyId);
      if (isFit(instance) !== isFit({ health })) touched.add(service);
    }
    return touched;
  }

  /** Takes in an instance that has no proxy, or a sign of life of one; says whether callers have to hear of it. */
  register(instance: StoredInstance): TouchedServices {
    const before = this.#table.instances.get(instance.instanceId);
    const touched = new Set<string>();
    if (before?.replicaId !== this.#table.owner.replicaId || before.hold) {
      this.#table.unsaved.newsOfInstances.add(instance.instanceId); // whoever kept its lease leaves that to us
      this.#table.onNews();
    }
    if (before && isSameEndpoint(before, instance)) {
      this.#table.change({
        ...instance,
        labels: before.labels,
        servesSinceMs: before.servesSinceMs,
      });
      return touched;
    }
    if (before) touched.add(this.#table.detach(before));
    touched.add(this.#table.change(instance));
    this.#table.unsaved.newsOfInstances.add(instance.instanceId);
    this.#table.onNews();
    return touched;
  }

  /** The stream has ended; the instances stay until their leases do. */
  disconnect(proxyId: string, nowMs = Date.now()): void {
    if (!this.isOwn(proxyId)) return;
    this.#table.tell(proxyId);
    this.#table.update(proxyId, { isConnected: false, streamSinceMs: nowMs });
  }

  /** The proxy says goodbye: its instances go at once. */
  leave(proxyId: string, nowMs = Date.now()): TouchedServices {
    if (!this.isOwn(proxyId)) return new Set();
    this.#table.tell(proxyId);
    this.#table.update(proxyId, {
      isConnected: false,
      streamSinceMs: nowMs,
      hasLeft: true,
      leftAtMs: nowMs,
    });
    return this.takeOut(this.instancesOfProxy(proxyId), "goodbye", nowMs);
  }

  /** The roots a proxy has said it believes, SHA-256 in base64url. */
  noteTrust(proxyId: string, trustedRoots: readonly string[]): void {
    const before = this.#table.proxies.get(proxyId)?.trustedRoots ?? [];
    if (before.join() !== trustedRoots.join()) this.#table.update(proxyId, { trustedRoots });
  }

  /** The key of the proxy's newest own certificate, by which it can prove later who it was. */
  noteOwnKey(proxyId: string, ownKeyHash: string): void {
    this.#table.update(proxyId, { ownKeyHash });
    this.#table.tell(proxyId);
  }

  /** The proxy is put out: its instances go at once, and it does not come back under this id. */
  revoke(proxyId: string, nowMs: number): TouchedServices {
    this.#table.tell(proxyId);
    this.#table.update(proxyId, {
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
    const ended = [...this.#table.instances.values()].filter(
      (one) => one.leaseEndsAtMs <= nowMs && one.hold === undefined && this.keepsLeaseOf(one),
    );
    if (ended.length === 0) return new Set();
    const held = guard?.(ended) ?? new Map<string, StoredHold>();
    for (const instance of ended) {
      const hold = held.get(instance.instanceId);
      if (hold) this.changeHold(instance.instanceId, hold);
    }
    const gone = ended.filter(({ instanceId }) => !held.has(instanceId));
    return this.takeOut(gone, "lease-ended", nowMs);
  }

  /** Those kept against the word of the registry. */
  heldInstances(): StoredInstance[] {
    return [...this.#table.instances.values()].filter(({ hold }) => hold !== undefined);
  }

  /** An instance's proxy says at which of its app ports no TLS ends. */
  notePlaintextPorts(instanceId: string, plaintextPorts: readonly number[]): void {
    const instance = this.#table.instances.get(instanceId);
    if (!instance || instance.plaintextPorts?.join() === plaintextPorts.join()) return;
    this.#table.change({ ...instance, plaintextPorts });
    this.#table.tell(instance.proxyId);
  }

  /** Takes over what the database says of proxies that are connected elsewhere (see `ForeignInstances`). */
  takeForeign(
    ...stored: Parameters<ForeignInstances["take"]>
  ): ReturnType<ForeignInstances["take"]> {
    return this.#foreign.take(...stored);
  }

  /** These control planes are alive: what the others kept is nobody's now, and lives for `graceMs` yet. */
  noteAlive(alive: ReadonlySet<string>, nowMs: number, graceMs: number): boolean {
    return this.#foreign.noteAlive(alive, nowMs, graceMs);
  }

  /** Whether its lease is this control plane's matter: one's own, and those whose control plane is gone. */
  keepsLeaseOf(instance: StoredInstance): boolean {
    return this.#table.keepsLeaseOf(instance);
  }

  /** The hold of an instance is another, as when somebody has dismissed it. */
  changeHold(instanceId: string, hold: StoredHold): void {
    const instance = this.#table.instances.get(instanceId);
    if (!instance) return;
    this.#table.change({ ...instance, hold });
    this.#table.tellOf(instance);
  }

  takeOut(instances: readonly StoredInstance[], cause: GoneCause, nowMs: number): TouchedServices {
    return this.#table.takeOut(instances, cause, nowMs);
  }

  noteCertificate(instanceId: string, notAfterMs: number): void {
    const instance = this.#table.instances.get(instanceId);
    if (instance) this.#table.change({ ...instance, certificateNotAfterMs: notAfterMs });
  }

  /** Hands over what is not in the database yet, and starts counting anew. */
  takeUnsaved(): UnsavedRegistry {
    return this.#table.unsaved.take();
  }

  /** Writing failed: all of it is to be written again, as it stands by then. */
  putBackUnsaved(unsaved: UnsavedRegistry): void {
    this.#table.unsaved.putBack(unsaved, (id) => this.#table.instances.has(id));
  }

  findInstance(instanceId: string): StoredInstance | undefined {
    return this.#table.instances.get(instanceId);
  }
}

/** Of those whose leases have ended, by instance id: which are held. */
export type HeldLeases = ReadonlyMap<string, StoredHold>;
