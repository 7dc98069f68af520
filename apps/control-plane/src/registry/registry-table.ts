import type { GoneCause } from "@heddle/contracts";
import type { StoredInstance, StoredProxy } from "@heddle/store";
import { GoneInstances } from "./gone-instances.ts";
import { serviceKeyOf } from "./instance.ts";
import { UnsavedChanges } from "./unsaved-changes.ts";

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

/** Who this control plane is among those over one database, and the clock they share. */
export type RegistryOwner = {
  readonly replicaId: string;
  readonly databaseNowMs: () => number;
  /** Whether it is this one that decides on what control planes have left that died; one at a time does. */
  readonly keepsOrphans: () => boolean;
};

/** Proxies and instances in memory, found by proxy and by service, with what of them is not written yet. */
export class RegistryTable {
  readonly proxies = new Map<string, KnownProxy>();
  readonly instances = new Map<string, StoredInstance>();
  readonly byProxy = new Map<string, Set<string>>();
  readonly byService = new Map<string, Set<string>>();
  readonly gone = new GoneInstances();
  readonly unsaved = new UnsavedChanges();
  readonly owner: RegistryOwner;
  /** There is something that other control planes have to hear of at once. */
  onNews: () => void = () => {};

  constructor(owner: RegistryOwner) {
    this.owner = owner;
  }

  pick(ids: ReadonlySet<string> | undefined): StoredInstance[] {
    return [...(ids ?? [])].flatMap((id) => this.instances.get(id) ?? []);
  }

  /** Whether its lease is this control plane's matter: one's own, and those whose control plane is gone. */
  keepsLeaseOf({ replicaId }: StoredInstance): boolean {
    return replicaId === undefined ? this.owner.keepsOrphans() : replicaId === this.owner.replicaId;
  }

  update(proxyId: string, change: Partial<KnownProxy>): void {
    const proxy = this.proxies.get(proxyId);
    if (!proxy) return;
    this.proxies.set(proxyId, { ...proxy, ...change });
    this.unsaved.proxies.add(proxyId);
  }

  /** Other control planes have to hear of the proxy and what it hosts. */
  tell(proxyId: string): void {
    this.unsaved.newsOfProxies.add(proxyId);
    this.onNews();
  }

  /** Other control planes have to hear of the instance. */
  tellOf({ proxyId, instanceId }: StoredInstance): void {
    if (proxyId !== "") return this.tell(proxyId);
    this.unsaved.newsOfInstances.add(instanceId);
    this.onNews();
  }

  /** Takes them out here and, once that is written, everywhere. */
  takeOut(instances: readonly StoredInstance[], cause: GoneCause, nowMs: number): TouchedServices {
    for (const instance of instances) this.tellOf(instance);
    return new Set(instances.map((instance) => this.remove(instance, cause, nowMs)));
  }

  /** Puts it in as it is now, and has it written. Returns its service. */
  change(instance: StoredInstance): string {
    this.unsaved.instances.add(instance.instanceId);
    return this.put({ ...instance, replicaId: this.owner.replicaId });
  }

  /** Puts it in as the database has it. */
  put(instance: StoredInstance): string {
    const service = serviceKeyOf(instance);
    this.instances.set(instance.instanceId, instance);
    this.unsaved.removals.delete(instance.instanceId);
    this.gone.forget(instance.instanceId);
    index(this.byProxy, instance.proxyId, instance.instanceId);
    index(this.byService, service, instance.instanceId);
    return service;
  }

  /** Takes it out of every index, as before it is put in under another service. */
  detach(instance: StoredInstance): string {
    const service = serviceKeyOf(instance);
    this.instances.delete(instance.instanceId);
    this.byProxy.get(instance.proxyId)?.delete(instance.instanceId);
    // the key stays: a service without endpoints is still a service, not a name outside the mesh
    this.byService.get(service)?.delete(instance.instanceId);
    return service;
  }

  /** It is gone, and that is to be written. */
  remove(instance: StoredInstance, cause: GoneCause, goneAtMs: number): string {
    const proxyName = this.proxies.get(instance.proxyId)?.name;
    this.gone.note({ instance, proxyName, cause, goneAtMs });
    this.unsaved.instances.delete(instance.instanceId);
    this.unsaved.removals.add(instance.instanceId);
    return this.detach(instance);
  }
}

function index(map: Map<string, Set<string>>, key: string, id: string): void {
  const ids = map.get(key);
  if (ids) ids.add(id);
  else map.set(key, new Set([id]));
}
