import type { InstanceHealthWire, WorkloadRegistration } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import type { StoredInstance } from "@heddle/store";

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

/** What a proxy has said of a workload it hosts, as the registry keeps it. */
export function toInstance(
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

/** Somebody has said that it is really gone; whoever keeps its lease has yet to take it out. */
export function isLetGo({ hold }: StoredInstance): boolean {
  return hold?.confirmedBy !== undefined;
}

/** Whether callers would see no difference. */
export function isSameEndpoint(before: StoredInstance, now: StoredInstance): boolean {
  return endpointText(before) === endpointText(now);
}

/** What callers are told beside it. */
export function isSamePorts(before: StoredInstance, now: StoredInstance): boolean {
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
