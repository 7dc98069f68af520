import type { ServiceId } from "../identity/workload-id.ts";
import type { Route } from "../routing/route.ts";
import type { ConnectionPool, LeveledPolicy, TrafficPolicy } from "./traffic-policy.ts";

/**
 * The one route of a bypassed caller: to all endpoints of the service, without timeout, retries and whatever else
 * rules may ask for.
 */
export function bypassRoute({ namespace, name }: ServiceId): Route {
  return {
    name: "bypass",
    matches: [],
    destinations: [{ service: { namespace, name }, weight: 1 }],
    retries: {
      attempts: 0,
      conditions: [],
      statusCodes: [],
      backoffBaseMs: 25,
      avoidsPrevious: false,
      leavesLocality: false,
      idempotentOnly: true,
    },
  };
}

/**
 * What stays of a policy for a bypassed caller: how to connect (TLS, which HTTP), since nobody could be reached
 * otherwise; the endpoints take turns.
 */
export function bypassPolicy(policy: LeveledPolicy | undefined): LeveledPolicy {
  const { ports = {}, ...own } = policy ?? {};
  const kept = Object.entries(ports).map(([port, one]) => [port, connectingOnly(one)] as const);
  return {
    ...connectingOnly(own),
    ...(kept.length === 0 ? {} : { ports: Object.fromEntries(kept) }),
  };
}

function connectingOnly({ tls, connectionPool }: TrafficPolicy): TrafficPolicy {
  const pool = connectionPool && protocolOf(connectionPool);
  return {
    loadBalancer: { algorithm: { kind: "round-robin" } },
    ...(tls === undefined ? {} : { tls }),
    ...(pool === undefined ? {} : { connectionPool: pool }),
  };
}

function protocolOf({ upgradesToHttp2, usesClientProtocol }: ConnectionPool) {
  if (upgradesToHttp2 === undefined && usesClientProtocol === undefined) return undefined;
  return {
    ...(upgradesToHttp2 === undefined ? {} : { upgradesToHttp2 }),
    ...(usesClientProtocol === undefined ? {} : { usesClientProtocol }),
  };
}
