import type { PreflightCaller, PreflightResponse, PreflightWorkload } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import {
  type ConfigDb,
  findCountedUntil,
  findPlaintextTraffic,
  type PlaintextTraffic,
  type StoredInstance,
} from "@heddle/store";
import { workloadKeyOf } from "../registry/instance.ts";
import type { Registry } from "../registry/registry.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { CallerNames } from "./caller-names.ts";
import type { TurnedAway } from "./turned-away.ts";

export type PreflightQuery = {
  readonly namespace: string | undefined;
  readonly workload: string | undefined;
  readonly windowMs: number;
};

/**
 * Who sends what STRICT refuses to the workloads asked for: how much the collectors have counted, why as the
 * proxies say. Throws `DatabaseUnavailableError`.
 */
export async function readPreflight(
  parts: {
    readonly db: ConfigDb;
    readonly snapshot: ConfigSnapshot;
    readonly registry: Registry;
    readonly turnedAway: TurnedAway;
  },
  query: PreflightQuery,
  nowMs: number,
): Promise<PreflightResponse> {
  const { db, snapshot, registry, turnedAway } = parts;
  const workloads = describeWorkloads(snapshot, registry.instances()).filter(
    (one) =>
      (query.namespace === undefined || one.namespace === query.namespace) &&
      (query.workload === undefined || one.workload === query.workload),
  );
  const dryRuns = workloads.flatMap(({ namespace, workload, dryRunSinceMs }) =>
    dryRunSinceMs === undefined ? [] : [{ namespace, workload, sinceMs: dryRunSinceMs }],
  );
  const [countedUntilMs, traffic] = await Promise.all([
    findCountedUntil(db, nowMs),
    findPlaintextTraffic(db, { ...query, nowMs, dryRuns }),
  ]);
  const names = new CallerNames(snapshot, registry.instances());
  const byKey = new Map(workloads.map((one) => [keyOf(one), one]));
  const reasons = Map.groupBy(turnedAway.all(), (one) => `${one.workload} ${one.sourceAddress}`);
  const callers = traffic.flatMap((one): PreflightCaller[] => {
    const called = byKey.get(keyOf(one));
    if (!called) return []; // it is not in the mesh any more
    const whys = reasons.get(`${keyOf(one)} ${one.sourceAddress}`) ?? [];
    return [toCaller(one, called, names, [...new Set(whys.map(({ reason }) => reason))])];
  });
  const { windowMs } = query;
  return {
    windowMs,
    ...(countedUntilMs === undefined ? {} : { countedUntilMs }),
    workloads,
    callers,
  };
}

/** Every workload with its mode, by name. */
function describeWorkloads(
  snapshot: ConfigSnapshot,
  instances: Iterable<StoredInstance>,
): PreflightWorkload[] {
  const byWorkload = new Map([...instances].map((one) => [workloadKeyOf(one), one]));
  return [...byWorkload]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, instance]): PreflightWorkload => {
      const { mode, policy } = snapshot.workloads.effectiveMtls(instance);
      const dryRun = snapshot.workloads.strictDryRun(instance);
      return {
        namespace: instance.namespace,
        workload: instance.workload,
        mode,
        ...(policy === undefined ? {} : { policy: formatId(policy) }),
        ...(dryRun === undefined ? {} : { dryRunSinceMs: dryRun.updatedAtMs }),
      };
    });
}

function toCaller(
  traffic: PlaintextTraffic,
  called: PreflightWorkload,
  names: CallerNames,
  reasons: PreflightCaller["reasons"],
): PreflightCaller {
  const { sourceAddress } = traffic;
  return {
    namespace: called.namespace,
    workload: called.workload,
    sourceAddress,
    names: [...names.of(sourceAddress)],
    label: names.label(sourceAddress),
    requests: traffic.accepted,
    requestsPerSecond: traffic.perSecond,
    refused: traffic.refused,
    ...(called.dryRunSinceMs === undefined ? {} : { wouldBeRefused: traffic.wouldBeRefused }),
    reasons,
    lastSeenMs: traffic.lastSeenMs,
  };
}

function keyOf({ namespace, workload }: { namespace: string; workload: string }): string {
  return formatId({ namespace, name: workload });
}
