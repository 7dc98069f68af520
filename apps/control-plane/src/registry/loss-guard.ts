import { formatId, type ServiceId } from "@heddle/mesh";
import type { StoredHold, StoredInstance } from "@heddle/store";
import { serviceKeyOf } from "./instance.ts";
import type { HeldLeases } from "./registry.ts";

/** What is lost within this time counts as lost at once. */
export const LOSS_WINDOW_MS = 60_000;
/** One proxy that dies is no news of the mesh; two may be. */
const MIN_LOST_PROXIES = 2;

/** What the guard decides by. */
export type LossSituation = {
  /** Instances whose leases have just ended. */
  readonly ended: readonly StoredInstance[];
  /** Those that are held already. */
  readonly held: readonly StoredInstance[];
  /** Those whose leases run yet, and whose proxies have missed a sign of life: they may be next. */
  readonly silent: readonly StoredInstance[];
  /** Those whose leases ended within the window, and who were let go. */
  readonly justGone: readonly StoredInstance[];
  /** Addresses a service has now, those that are ended, held or silent among them. */
  readonly countEndpoints: (service: ServiceId) => number;
  /** Whether a proxy that is connected sends requests there. */
  readonly isUsed: (serviceKey: string) => boolean;
  readonly connectedProxies: number;
  /** Proxies without a stream that have not said goodbye, lost within the window. */
  readonly lostProxies: number;
  /** More than this share of a service's endpoints, 0 to 100, is not lost without a yes. */
  readonly maxLossPercent: number;
  readonly nowMs: number;
};

/**
 * Which of the instances that give no more sign of life stay in use all the same: those by whose loss a
 * service that is used would lose more than it may, and all of them where more than that share of the proxies
 * fell silent together. For that looks like a registry that is cut off, and not like apps that ended.
 * One that drains, or serves nobody, may always go.
 */
export function holdLosses(situation: LossSituation): HeldLeases {
  const { ended, held, nowMs } = situation;
  const holds = new Map<string, StoredHold>();
  const isMeshWide = isCutOff(situation);
  const byService = Map.groupBy(ended.filter(canBeMissed), serviceKeyOf);
  for (const [key, losing] of byService) {
    const [first] = losing;
    if (first === undefined || !(isMeshWide || situation.isUsed(key))) continue;
    const id = { namespace: first.namespace, name: first.service };
    const { isTooMuch, before } = weighLoss(id, situation);
    if (!isTooMuch) continue;
    const same = held.find((one) => serviceKeyOf(one) === key)?.hold;
    const hold = same
      ? { id: same.id, sinceMs: same.sinceMs, endpointsBefore: same.endpointsBefore }
      : { id: holdIdOf(id, nowMs), sinceMs: nowMs, endpointsBefore: before };
    for (const { instanceId } of losing) holds.set(instanceId, hold);
  }
  return holds;
}

/**
 * Held ones of services to whom so many have come back that the others are an ordinary loss. What somebody
 * has dismissed stays.
 */
export function releaseHeld(situation: LossSituation): StoredInstance[] {
  const byService = Map.groupBy(situation.held, serviceKeyOf);
  return [...byService.values()].flatMap((held) => {
    const [first] = held;
    if (first === undefined || held.some(({ hold }) => hold?.dismissedBy !== undefined)) return [];
    const id = { namespace: first.namespace, name: first.service };
    return weighLoss(id, situation).isTooMuch ? [] : held;
  });
}

function weighLoss(service: ServiceId, situation: LossSituation) {
  const key = formatId(service);
  const isOfService = (one: StoredInstance) => serviceKeyOf(one) === key;
  const gone = situation.justGone.filter(isOfService).length;
  const { ended, held, silent, maxLossPercent } = situation;
  const lost = gone + [...ended, ...held, ...silent].filter(isOfService).filter(canBeMissed).length;
  const before = situation.countEndpoints(service) + gone;
  return { before, isTooMuch: exceeds(lost, before, maxLossPercent) };
}

/** Whether losing so many of so many is more than may be lost without asking. */
export function exceeds(lost: number, before: number, maxLossPercent: number): boolean {
  return before > 0 && lost * 100 > before * maxLossPercent;
}

/** Unlike any other hold's, and fit for a path. */
export function holdIdOf(service: ServiceId, sinceMs: number): string {
  return `${formatId(service).replace("/", ".")}-${sinceMs.toString(36)}`;
}

function isCutOff({ connectedProxies, lostProxies, maxLossPercent }: LossSituation): boolean {
  const before = connectedProxies + lostProxies;
  return lostProxies >= MIN_LOST_PROXIES && exceeds(lostProxies, before, maxLossPercent);
}

function canBeMissed({ appPort, isDraining }: StoredInstance): boolean {
  return appPort !== undefined && !isDraining;
}
