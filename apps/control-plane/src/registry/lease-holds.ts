import type { RegistryHold } from "@heddle/contracts";
import type { ServiceId } from "@heddle/mesh";
import type { StoredHold, StoredInstance } from "@heddle/store";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import type { StreamHub } from "../stream/hub.ts";
import { LEASE_MS } from "../stream/proxy-connection.ts";
import { serviceKeyOf, workloadKeyOf } from "./instance.ts";
import { holdLosses, LOSS_WINDOW_MS, type LossSituation, releaseHeld } from "./loss-guard.ts";
import type { Observations } from "./observations.ts";
import type { Registry } from "./registry.ts";
import {
  countEndpoints,
  type HoldAnswer,
  type HoldKeeper,
  serviceOfHold,
} from "./registry-holds.ts";
import type { TouchedServices } from "./registry-table.ts";

/** A proxy gives a sign of life at a third of its lease: one that has used up more than half has missed it. */
const SILENT_BELOW_MS = LEASE_MS / 2;

/** What holding instances beyond their leases works with. */
export type LeaseHoldParts = {
  readonly registry: Registry;
  readonly mesh: MeshView;
  readonly hub: StreamHub;
  readonly observations: Observations;
  readonly config: MeshConfig;
  readonly maxLossPercent: number;
};

/** Instances whose leases have ended, and who stay because a service in use would lose too many at once. */
export class LeaseHolds implements HoldKeeper {
  readonly #parts: LeaseHoldParts;

  constructor(parts: LeaseHoldParts) {
    this.#parts = parts;
  }

  /** Takes out whose leases have ended, and holds those who must not go unasked. */
  expire(nowMs: number): TouchedServices {
    const { registry } = this.#parts;
    const ended = registry.expire(nowMs, (instances) => holdLosses(this.#weigh(instances, nowMs)));
    if (registry.heldInstances().length === 0) return ended;
    const isOurs = (one: StoredInstance) => registry.keepsLeaseOf(one); // others' they decide on
    const alone = this.#alsoUnreachable().filter(isOurs);
    const unreachable = registry.takeOut(alone, "unreachable", nowMs);
    const back = releaseHeld(this.#weigh([], nowMs)).filter(isOurs);
    return new Set([...ended, ...unreachable, ...registry.takeOut(back, "lease-ended", nowMs)]);
  }

  list(): RegistryHold[] {
    const byHold = Map.groupBy(this.#parts.registry.heldInstances(), (one) => one.hold?.id ?? "");
    return [...byHold].flatMap(([id, held]) => {
      const [first] = held;
      return first?.hold ? [this.#describe(id, first.hold, held)] : [];
    });
  }

  async confirm({ id, service, held }: RegistryHold, answer: HoldAnswer): Promise<number> {
    const { registry, config, hub } = this.#parts;
    const { revision } = await config.change({
      ...answer,
      kind: "registry",
      summary: `Let go ${countEndpoints(held.length)} of ${service} without a sign of life`,
      actsOn: [service],
      plan: () => [],
    });
    // As they stand now: one that has come back meanwhile is none of them any more.
    const still = registry.heldInstances().filter((one) => one.hold?.id === id);
    hub.publishEndpoints(registry.takeOut(still, "confirmed", Date.now()));
    return revision;
  }

  dismiss({ id }: RegistryHold, { author }: HoldAnswer, nowMs: number): void {
    const { registry } = this.#parts;
    for (const { instanceId, hold } of registry.heldInstances()) {
      if (hold?.id !== id) continue;
      registry.changeHold(instanceId, { ...hold, dismissedBy: author, dismissedAtMs: nowMs });
    }
  }

  #weigh(ended: readonly StoredInstance[], nowMs: number): LossSituation {
    const { registry, hub, maxLossPercent } = this.#parts;
    const held = registry.heldInstances();
    const justGone = registry.gone
      .since(nowMs - LOSS_WINDOW_MS)
      .filter(({ cause }) => cause === "lease-ended")
      .map(({ instance }) => instance);
    const isDecided = new Set([...ended, ...held].map(({ instanceId }) => instanceId));
    const others = [...registry.instances()].filter(({ instanceId }) => !isDecided.has(instanceId));
    const silent = others.filter((one) => isSilent(one, nowMs));
    const lost = [...ended, ...held, ...silent, ...justGone];
    return {
      ...{ ended, held, silent, justGone, maxLossPercent, nowMs },
      countEndpoints: (service) => this.#countEndpoints(service),
      isUsed: (key) => hub.isUsed(key),
      connectedProxies: proxiesOf(others.filter((one) => !isSilent(one, nowMs))).size,
      lostProxies: proxiesOf(lost).size,
    };
  }

  #countEndpoints(service: ServiceId): number {
    const known = this.#parts.mesh.knownEndpoints(service);
    return known.filter(({ instance }) => instance?.isDraining !== true).length;
  }

  /** The only one a service had, where a caller has found out by itself that nobody is there: two witnesses. */
  #alsoUnreachable(): StoredInstance[] {
    const { registry, observations } = this.#parts;
    return registry.heldInstances().filter((instance) => {
      const { hold, instanceId } = instance;
      if (hold?.endpointsBefore !== 1 || hold.dismissedBy !== undefined) return false;
      return observations
        .ofService(serviceKeyOf(instance))
        .some((seen) => seen.endpointId === instanceId && seen.state === "unreachable");
    });
  }

  #describe(id: string, hold: StoredHold, held: readonly StoredInstance[]): RegistryHold {
    const [first] = held;
    const service = first === undefined ? "" : serviceKeyOf(first);
    const all = this.#countEndpoints(serviceOfHold({ service }));
    const { endpointsBefore, sinceMs, dismissedBy, dismissedAtMs } = hold;
    const after = all - held.length;
    const last = Math.max(...held.map(({ leaseEndsAtMs }) => leaseEndsAtMs));
    return {
      id,
      service,
      cause: "leases",
      sinceMs,
      endpointsBefore,
      endpointsAfter: after,
      held: held.map((one) => ({
        id: one.instanceId,
        workload: workloadKeyOf(one),
        address: `${one.address}:${one.inboundPort}`,
        lastSeenAtMs: this.#parts.registry.findProxy(one.proxyId)?.lastSeenAtMs ?? last,
      })),
      words: `${held.length} of the ${countEndpoints(endpointsBefore)} of ${service} gave no more sign of life, and none said goodbye. They stay in use, since a registry that is cut off looks the same; it ends by itself when they are heard of again. Confirm if they are really gone (${countEndpoints(after)} would be left), dismiss to keep them.`,
      ...(dismissedBy === undefined || dismissedAtMs === undefined
        ? {}
        : { dismissed: { by: dismissedBy, atMs: dismissedAtMs } }),
    };
  }
}

function isSilent({ leaseEndsAtMs, source }: StoredInstance, nowMs: number): boolean {
  return source === undefined && leaseEndsAtMs - nowMs < SILENT_BELOW_MS;
}

function proxiesOf(instances: readonly StoredInstance[]): Set<string> {
  return new Set(instances.flatMap(({ proxyId }) => (proxyId === "" ? [] : proxyId)));
}
