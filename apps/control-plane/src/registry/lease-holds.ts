import type { RegistryHold } from "@heddle/contracts";
import type { ServiceId } from "@heddle/mesh";
import type { StoredHoldAnswer, StoredInstance } from "@heddle/store";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import { takesRequests } from "../snapshot/endpoint-set.ts";
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
  /** Whether proxies of any control plane send requests to that service. */
  readonly isUsed: (serviceKey: string) => boolean;
  /** Has an answer hold at the control planes that keep these instances' leases, and here. */
  readonly shareAnswer: (
    instances: readonly StoredInstance[],
    answer: StoredHoldAnswer,
  ) => Promise<void>;
};

/**
 * Instances whose leases have ended, and who stay because a service in use would lose too many at once. Who keeps
 * a lease decides on it; several may hold instances of one service at a time, which all show as one hold.
 */
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
    const byService = Map.groupBy(this.#parts.registry.heldInstances(), serviceKeyOf);
    return [...byService].map(([service, held]) => this.#describe(service, held));
  }

  async confirm({ service, held }: RegistryHold, answer: HoldAnswer): Promise<number> {
    const { revision } = await this.#parts.config.change({
      ...answer,
      kind: "registry",
      summary: `Let go ${countEndpoints(held.length)} of ${service} without a sign of life`,
      actsOn: [service],
      plan: () => [],
    });
    const still = this.#stillHeld(held);
    const { own, others } = this.#byKeeper(still);
    const { registry, hub } = this.#parts;
    hub.publishEndpoints(registry.takeOut(own, "confirmed", Date.now()));
    await this.#share(others, { confirmedBy: answer.author });
    return revision;
  }

  async dismiss({ held }: RegistryHold, { author }: HoldAnswer, nowMs: number): Promise<void> {
    const said = { dismissedBy: author, dismissedAtMs: nowMs };
    const { own, others } = this.#byKeeper(this.#stillHeld(held));
    for (const { instanceId, hold } of own) {
      if (hold) this.#parts.registry.changeHold(instanceId, { ...hold, ...said });
    }
    await this.#share(others, said);
  }

  /** As they stand now: one that has come back meanwhile is none of them any more. */
  #stillHeld(shown: RegistryHold["held"]): StoredInstance[] {
    const ids = new Set(shown.map(({ id }) => id));
    return this.#parts.registry.heldInstances().filter(({ instanceId }) => ids.has(instanceId));
  }

  #byKeeper(instances: readonly StoredInstance[]) {
    const { registry } = this.#parts;
    return {
      own: instances.filter((one) => registry.keepsLeaseOf(one)),
      others: instances.filter((one) => !registry.keepsLeaseOf(one)),
    };
  }

  async #share(instances: readonly StoredInstance[], answer: StoredHoldAnswer): Promise<void> {
    if (instances.length > 0) await this.#parts.shareAnswer(instances, answer);
  }

  #weigh(ended: readonly StoredInstance[], nowMs: number): LossSituation {
    const { registry, isUsed, maxLossPercent } = this.#parts;
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
      isUsed,
      connectedProxies: proxiesOf(others.filter((one) => !isSilent(one, nowMs))).size,
      lostProxies: proxiesOf(lost).size,
    };
  }

  #countEndpoints(service: ServiceId): number {
    const known = this.#parts.mesh.knownEndpoints(service);
    return known.filter(takesRequests).length;
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

  #describe(service: string, held: readonly StoredInstance[]): RegistryHold {
    const holds = held.flatMap(({ hold }) => hold ?? []);
    // Control planes that found out at the same time have each made one: the first is what all show.
    const [first] = holds.toSorted((a, b) => a.sinceMs - b.sinceMs || (a.id < b.id ? -1 : 1));
    const { id, sinceMs, endpointsBefore } = first ?? { id: "", sinceMs: 0, endpointsBefore: 0 };
    const isDismissed = holds.every(({ dismissedBy }) => dismissedBy !== undefined);
    const by = holds.find(({ dismissedBy }) => dismissedBy !== undefined);
    const after = this.#countEndpoints(serviceOfHold({ service })) - held.length;
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
      ...(isDismissed && by
        ? { dismissed: { by: by.dismissedBy ?? "", atMs: by.dismissedAtMs ?? sinceMs } }
        : {}),
    };
  }
}

function isSilent({ leaseEndsAtMs, source }: StoredInstance, nowMs: number): boolean {
  return source === undefined && leaseEndsAtMs - nowMs < SILENT_BELOW_MS;
}

function proxiesOf(instances: readonly StoredInstance[]): Set<string> {
  return new Set(instances.flatMap(({ proxyId }) => (proxyId === "" ? [] : proxyId)));
}
