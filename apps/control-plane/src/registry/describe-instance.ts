import type { GoneInstance, WorkloadState } from "@heddle/contracts";
import type { StoredInstance } from "@heddle/store";
import type { GoneNote } from "./gone-instances.ts";
import type { KnownProxy } from "./registry-table.ts";

type InstanceState = WorkloadState["instances"][number];

/** An instance with its four states: connected or not, healthy or not, draining, held although its lease has ended. */
export function describeInstance(
  instance: StoredInstance,
  proxy: KnownProxy | undefined,
): InstanceState {
  const { appPort, locality, health, drainingSinceMs, hold, source } = instance;
  const isConnected = source !== undefined || proxy?.isConnected === true;
  return {
    instanceId: instance.instanceId,
    proxyId: instance.proxyId,
    proxyName: proxy?.name ?? instance.proxyId,
    address: instance.address,
    inboundPort: instance.inboundPort,
    ...(appPort === undefined ? {} : { appPort }),
    protocol: instance.protocol,
    morePorts: instance.morePorts.map((port) => ({ ...port })),
    ...(locality === undefined ? {} : { locality }),
    ...(source === undefined ? {} : { source }),
    state: isConnected ? "connected" : "disconnected",
    ...(proxy?.streamSinceMs === undefined ? {} : { stateSinceMs: proxy.streamSinceMs }),
    ...(health === undefined ? {} : { health }),
    isDraining: instance.isDraining,
    ...(drainingSinceMs === undefined ? {} : { drainingSinceMs }),
    ...(hold === undefined ? {} : { holdId: hold.id }),
    leaseEndsAtMs: instance.leaseEndsAtMs,
  };
}

export function describeGone({ instance, proxyName, cause, goneAtMs }: GoneNote): GoneInstance {
  const { instanceId, namespace, workload, service, version, address, inboundPort } = instance;
  const who =
    proxyName === undefined ? (instance.source ?? "its source") : `its proxy ${proxyName}`;
  return {
    instanceId,
    namespace,
    workload,
    service,
    ...(version === undefined ? {} : { version }),
    address: `${address}:${inboundPort}`,
    ...(proxyName === undefined ? {} : { proxyName }),
    goneAtMs,
    cause,
    words: WORDS[cause](who),
  };
}

const WORDS: Readonly<Record<GoneNote["cause"], (who: string) => string>> = {
  goodbye: (who) => `It ended as it should: ${who} said goodbye.`,
  "lease-ended": (who) => `No sign of life for a whole lease, and ${who} did not say goodbye.`,
  "not-hosted": (who) => `${capital(who)} came back without it.`,
  revoked: (who) => `${capital(who)} was put out of the mesh.`,
  withdrawn: (who) => `It was taken out: ${who} names it no longer.`,
  confirmed: () => "It gave no sign of life, was held, and somebody let it go.",
  unreachable: () => "It gave no sign of life, and those who call it could not reach it either.",
};

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
