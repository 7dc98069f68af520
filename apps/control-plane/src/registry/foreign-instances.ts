import type { GoneCause } from "@heddle/contracts";
import type { StoredInstance, StoredProxy, StoredRegistry } from "@heddle/store";
import { isLetGo, isSameEndpoint, isSamePorts } from "./instance.ts";
import type { KnownProxy, RegistryTable, TouchedServices } from "./registry-table.ts";

/** Proxies need this long to turn to another control plane when theirs has died. */
const ORPHAN_LEASE_MS = 30_000;
/** As proxies' leases run, and are renewed. */
const FOREIGN_LEASE_MS = 15_000;
const RENEWED_EVERY_MS = 5_000;

/** Proxies that are connected to other control planes, and what they host. */
export class ForeignInstances {
  readonly #table: RegistryTable;

  constructor(table: RegistryTable) {
    this.#table = table;
  }

  /**
   * Takes over what the database says of `asked` (`undefined`: of everything), but not of what is own, unless
   * another control plane has claimed it since: `lost` are those. `alive`: ids of the control planes that are.
   */
  take(
    { proxies, instances }: StoredRegistry,
    asked: { proxyIds: readonly string[]; instanceIds: readonly string[] } | undefined,
    alive: ReadonlySet<string>,
    nowMs: number,
  ): { readonly touched: TouchedServices; readonly lost: readonly string[] } {
    const touched = new Set<string>();
    const lost: string[] = [];
    const isOver = new Map<string, GoneCause>();
    for (const proxy of proxies) {
      const before = this.#table.proxies.get(proxy.id);
      const isOwn = before?.replicaId === this.#table.owner.replicaId;
      const isNewer = (proxy.claimedAtMs ?? 0) > Math.floor(before?.claimedAtMs ?? 0);
      const isRevoked = proxy.revokedAtMs !== undefined && before?.revokedAtMs === undefined;
      if (isOwn && (!isNewer || proxy.replicaId === this.#table.owner.replicaId) && !isRevoked) {
        if (!before.isConnected) this.#takeJoin(before, proxy);
        continue;
      }
      if (isOwn || isRevoked) lost.push(proxy.id);
      const isConnected = proxy.isConnected === true && alive.has(proxy.replicaId ?? "");
      const hasLeft = proxy.leftAtMs !== undefined;
      const streamSinceMs = before?.isConnected === isConnected ? before.streamSinceMs : nowMs;
      this.#table.proxies.set(proxy.id, { ...proxy, isConnected, hasLeft, streamSinceMs });
      this.#table.unsaved.proxies.delete(proxy.id);
      const cause = isRevoked ? "revoked" : hasLeft ? "goodbye" : "lease-ended";
      isOver.set(proxy.id, cause);
    }
    const rows = new Map(instances.map((one) => [one.instanceId, one]));
    const isAsked = (one: StoredInstance) =>
      one.proxyId === ""
        ? (asked?.instanceIds.includes(one.instanceId) ??
            one.replicaId !== this.#table.owner.replicaId) &&
          !this.#table.unsaved.instances.has(one.instanceId)
        : isOver.has(one.proxyId);
    for (const instance of [...this.#table.instances.values()].filter(isAsked)) {
      if (rows.has(instance.instanceId)) continue;
      touched.add(
        this.#table.remove(instance, isOver.get(instance.proxyId) ?? "lease-ended", nowMs),
      );
      this.#table.unsaved.removals.delete(instance.instanceId);
    }
    for (const instance of rows.values()) {
      const services = isAsked(instance)
        ? this.#putForeign(instance, alive, nowMs)
        : this.#takeAnswer(instance, nowMs);
      for (const service of services) touched.add(service);
    }
    return { touched, lost };
  }

  /** Somebody has answered a hold of an own instance at another control plane. */
  #takeAnswer({ instanceId, hold: answered }: StoredInstance, nowMs: number): TouchedServices {
    const instance = this.#table.instances.get(instanceId);
    if (!instance?.hold || instance.hold.id !== answered?.id) return new Set(); // it has come back
    if (answered.confirmedBy !== undefined) {
      return this.#table.takeOut([instance], "confirmed", nowMs);
    }
    if (answered.dismissedBy !== undefined) this.#table.put({ ...instance, hold: answered });
    return new Set();
  }

  /** These control planes are alive: what the others kept is nobody's now, and lives for `graceMs` yet. */
  noteAlive(alive: ReadonlySet<string>, nowMs: number, graceMs: number): boolean {
    const isDead = (replicaId: string | undefined) =>
      replicaId !== undefined && replicaId !== this.#table.owner.replicaId && !alive.has(replicaId);
    let hasChanged = false;
    for (const proxy of this.#table.proxies.values()) {
      if (!proxy.isConnected || !isDead(proxy.replicaId)) continue;
      this.#table.proxies.set(proxy.id, { ...proxy, isConnected: false, streamSinceMs: nowMs });
      hasChanged = true;
    }
    for (const instance of this.#table.instances.values()) {
      if (!isDead(instance.replicaId)) {
        this.#noteForeignLease(instance, nowMs);
        continue;
      }
      const leaseEndsAtMs = nowMs + graceMs;
      this.#table.instances.set(instance.instanceId, {
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
    const key = this.#table.unsaved.proxies.has(before.id) ? before.ownKeyHash : ownKeyHash;
    this.#table.proxies.set(before.id, { ...before, namespace, workload, ownKeyHash: key });
  }

  /** Renewals at other control planes are not told: of a proxy that is connected there they are assumed. */
  #noteForeignLease(instance: StoredInstance, nowMs: number): void {
    const isRunning = this.#table.proxies.get(instance.proxyId)?.isConnected === true;
    if (this.#table.keepsLeaseOf(instance) || !isRunning || instance.hold) return;
    if (instance.leaseEndsAtMs > nowMs + FOREIGN_LEASE_MS - RENEWED_EVERY_MS) return;
    const leaseEndsAtMs = nowMs + FOREIGN_LEASE_MS;
    this.#table.instances.set(instance.instanceId, { ...instance, leaseEndsAtMs });
  }

  #putForeign(
    stored: StoredInstance,
    alive: ReadonlySet<string>,
    nowMs: number,
  ): readonly string[] {
    const before = this.#table.instances.get(stored.instanceId);
    this.#table.unsaved.instances.delete(stored.instanceId);
    const isOrphan = !alive.has(stored.replicaId ?? "");
    if (isLetGo(stored)) {
      const service = before && this.#table.remove(before, "confirmed", nowMs);
      if (!isOrphan) this.#table.unsaved.removals.delete(stored.instanceId); // whoever keeps it takes it out
      return service === undefined ? [] : [service];
    }
    if (isOrphan && before?.replicaId === undefined && before) {
      if (before.hold && stored.hold) this.#table.put({ ...before, hold: stored.hold });
      return []; // its grace is running
    }
    const replicaId = isOrphan ? undefined : stored.replicaId;
    const instance = {
      ...stored,
      replicaId,
      ...(isOrphan
        ? { leaseEndsAtMs: Math.max(stored.leaseEndsAtMs, nowMs + ORPHAN_LEASE_MS) }
        : {}),
    };
    if (before && isSameEndpoint(before, instance) && isSamePorts(before, instance)) {
      this.#table.put({ ...instance, labels: before.labels }); // views are kept by the labels' identity
      return [];
    }
    const former = before === undefined ? [] : [this.#table.detach(before)];
    return [...former, this.#table.put(instance)];
  }
}
