import type {
  PreviewRequest,
  PreviewResponse,
  ServicePreview,
  Simulation,
} from "@heddle/contracts";
import { formatId, type ServiceId } from "@heddle/mesh";
import { type ConfigDb, DatabaseUnavailableError } from "@heddle/store";
import type { CodedWarning } from "../revisions/coded-warning.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import type { KnownInstances } from "../study/known-instances.ts";
import { blastRadius, type TouchedMesh } from "./blast-radius.ts";
import type { Breather } from "./breather.ts";
import { foreseeChange } from "./foresee-change.ts";
import { type ObservedTraffic, observeTraffic } from "./observed-traffic.ts";
import { foldOutcomes, missingOf } from "./outcome-words.ts";
import { MAX_SERVICES, PreviewScene } from "./preview-scene.ts";
import { routeLines } from "./route-lines.ts";
import { describeRoute } from "./route-words.ts";
import { describeOtherChanges, targetsOfPair } from "./rule-pairs.ts";
import { simulateConnections } from "./simulate-connections.ts";
import { type SimulatedTraffic, simulateTraffic } from "./simulate-traffic.ts";
import { rateOfPair, touchedTraffic } from "./touched-traffic.ts";
import { failureNotes, timeoutNotes } from "./traffic-notes.ts";

export type PreviewParts = {
  readonly db: ConfigDb;
  readonly mesh: MeshView;
  readonly instances: KnownInstances;
};

/** A preview but for the proxies, which only the thread that has their streams knows: those that `keys` concern. */
export type PreviewWithoutProxies = Omit<PreviewResponse, "blastRadius" | "tookMs" | "findings"> & {
  readonly blastRadius: TouchedMesh;
  readonly keys: ReadonlySet<string>;
  /** Of those, findings may say some already. */
  readonly warnings: readonly CodedWarning[];
};

/** What a change would do. Applies nothing. */
export async function previewChange(
  request: PreviewRequest,
  parts: PreviewParts,
  { nowMs, breather }: { readonly nowMs: number; readonly breather: Breather },
): Promise<PreviewWithoutProxies> {
  const { before, after, touched, notes, ...planned } = await foreseeChange(
    request,
    parts.mesh,
    breather,
  );
  const { windowMs } = request;
  const { changes, ...more } = planned;
  const base = { revision: before.revision, windowMs, changes: [...changes], ...more };
  if (after === undefined || touched === undefined) {
    const nothing = { services: [], blastRadius: NOBODY, limits: [], keys: new Set<string>() };
    return { ...base, ...nothing, notes: [...notes] };
  }
  const scene = new PreviewScene(parts, before, after, touched);
  const answer = await describeScene(scene, parts.db, { windowMs, nowMs, breather });
  return { ...base, ...answer, notes: [...notes, ...answer.notes], keys: touched.keys };
}

const NOBODY: TouchedMesh = {
  callers: [],
  callerCount: 0,
  services: [],
  workloads: [],
  downstream: [],
};

type Answer = Pick<PreviewResponse, "notes" | "services" | "simulation" | "limits"> & {
  readonly blastRadius: TouchedMesh;
};
type Asked = { readonly windowMs: number; readonly nowMs: number; readonly breather: Breather };

async function describeScene(scene: PreviewScene, db: ConfigDb, asked: Asked): Promise<Answer> {
  const { breather, windowMs } = asked;
  const limits: string[] = [];
  const { touched, after } = scene;
  if (touched.services.length > MAX_SERVICES) {
    limits.push(
      `${touched.services.length} services are touched; routes and simulation tell of the first ${MAX_SERVICES}`,
    );
  }
  const traffic = await observe(scene, db, asked, limits);
  const simulated = traffic && (await simulateTraffic(traffic.samples, scene.context, breather));
  const outcomes = simulated && traffic ? foldOutcomes(simulated.ends, traffic.seconds) : [];
  await breather.breathe();
  return {
    notes: [
      ...(simulated ? timeoutNotes(scene.changedPairs(), simulated, after) : []),
      ...failureNotes(outcomes),
    ],
    services: describeServices(scene, traffic, simulated),
    blastRadius: blastRadius(touched, touchedTraffic(traffic, scene)),
    ...(simulated && traffic
      ? { simulation: toSimulation(scene, simulated, traffic, outcomes, windowMs) }
      : {}),
    limits,
  };
}

async function observe(
  scene: PreviewScene,
  db: ConfigDb,
  { windowMs, nowMs, breather }: Asked,
  limits: string[],
): Promise<ObservedTraffic | undefined> {
  const services = new Map<string, ServiceId>();
  for (const service of scene.services) {
    services.set(formatId(service), service);
    for (const pair of scene.pairsOf(service)) {
      for (const target of targetsOfPair(pair)) services.set(formatId(target), target);
    }
  }
  const question = {
    services: [...services.values()],
    workloads: scene.touchedWorkloads,
    serviceOf: (workload: string) => scene.serviceOf(workload),
    windowMs,
    nowMs,
  };
  try {
    const traffic = await observeTraffic(db, question, breather);
    scene.noteRequests(traffic.inward);
    return traffic;
  } catch (error) {
    if (!(error instanceof DatabaseUnavailableError)) throw error;
    limits.push("the database is away: what the traffic was like is not known");
    return undefined;
  }
}

function describeServices(
  scene: PreviewScene,
  traffic: ObservedTraffic | undefined,
  simulated: SimulatedTraffic | undefined,
): ServicePreview[] {
  return scene.changedPairs().map((pair): ServicePreview => {
    const { service, source, before, after } = pair;
    const isForAll = Object.keys(source).length === 0;
    return {
      service: { namespace: service.namespace, name: service.name },
      ...(isForAll ? {} : { source }),
      lines: routeLines(pair, {
        tallies: simulated?.tallies.get(pair) ?? new Map(),
        hasUnknown: (simulated?.unknown.get(pair) ?? 0) > 0,
        perSecond: traffic && rateOfPair(pair, traffic.inward, scene),
        seconds: traffic?.seconds ?? 1,
      }),
      before: before.routes.map((route) => describeRoute(route, service)),
      after: after.routes.map((route) => describeRoute(route, service)),
      otherChanges: describeOtherChanges(pair),
    };
  });
}

function toSimulation(
  scene: PreviewScene,
  simulated: SimulatedTraffic,
  traffic: ObservedTraffic,
  outcomes: Simulation["outcomes"],
  windowMs: number,
): Simulation {
  const inward = touchedTraffic(traffic, scene)?.inward ?? [];
  const connections = simulateConnections(inward, traffic.seconds, scene, scene.context);
  return {
    windowMs,
    sampled: simulated.sampled,
    isTruncated: traffic.isTruncated,
    outcomes: [...outcomes],
    ...(connections.length === 0 ? {} : { connections }),
    missing: missingOf(outcomes),
    limits: [
      ...(simulated.sampled === 0 ? ["no request was sampled in this window"] : []),
      ...(simulated.isLimited
        ? ["rate limits are counted by the sampled requests, evenly over a workload's proxies"]
        : []),
      "filters, outlier detection and retry budgets are not played again",
    ],
  };
}
