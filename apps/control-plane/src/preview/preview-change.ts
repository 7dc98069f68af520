import type {
  PreviewRequest,
  PreviewResponse,
  ServicePreview,
  Simulation,
} from "@heddle/contracts";
import { WORKLOAD_LABEL } from "@heddle/contracts";
import { formatId, parseId, type ServiceId, selectsCaller } from "@heddle/mesh";
import { type ConfigDb, DatabaseUnavailableError, type ObservedNode } from "@heddle/store";
import { serviceKeyOf, workloadKeyOf } from "../registry/instance.ts";
import type { Registry } from "../registry/registry.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import type { Foreseen, MeshView } from "../snapshot/mesh-view.ts";
import { hostOf } from "../snapshot/service-host.ts";
import type { StreamHub } from "../stream/hub.ts";
import { blastRadius, type TouchedTraffic } from "./blast-radius.ts";
import { Breather } from "./breather.ts";
import type { ServingWorkload } from "./destination-groups.ts";
import { foreseeChange } from "./foresee-change.ts";
import { type AccessPair, ForeseenAccess } from "./foreseen-access.ts";
import {
  type CountedEdge,
  type ObservedTraffic,
  observeTraffic,
  type WeightedSample,
} from "./observed-traffic.ts";
import { foldOutcomes, missingOf } from "./outcome-words.ts";
import { parseCluster } from "./recorded-request.ts";
import { routeLines } from "./route-lines.ts";
import { describeRoute } from "./route-words.ts";
import { describeOtherChanges, type RulePair, rulePairs, targetsOfPair } from "./rule-pairs.ts";
import { type SimulatedTraffic, simulateTraffic } from "./simulate-traffic.ts";
import { failureNotes, timeoutNotes } from "./traffic-notes.ts";

export type PreviewParts = {
  readonly db: ConfigDb;
  readonly mesh: MeshView;
  readonly hub: StreamHub;
  readonly registry: Registry;
};

const NOBODY: PreviewResponse["blastRadius"] = {
  callers: [],
  callerCount: 0,
  services: [],
  workloads: [],
  proxies: [],
  proxyCount: 0,
  proxiesConnected: 0,
  downstream: [],
};
/** With more touched services, routes and simulation tell of the first ones alone. */
const MAX_SERVICES = 50;

/** What a change would do. Applies nothing, and lets everything else go first. */
export async function previewChange(
  request: PreviewRequest,
  parts: PreviewParts,
  nowMs: number,
): Promise<PreviewResponse> {
  const startedAt = performance.now();
  const breather = new Breather();
  const { before, after, touched, changes, notes } = await foreseeChange(
    request,
    parts.mesh,
    breather,
  );
  const { windowMs } = request;
  const base = { revision: before.revision, windowMs, changes: [...changes], notes: [...notes] };
  const took = () => Math.round((performance.now() - startedAt) * 10) / 10;
  if (after === undefined || touched === undefined) {
    const blast = { ...NOBODY, proxiesConnected: parts.hub.size };
    return { ...base, services: [], blastRadius: blast, limits: [], tookMs: took() };
  }
  const preview = new ChangePreview(parts, before, after, touched);
  const answer = await preview.make(windowMs, nowMs, breather);
  return {
    ...base,
    ...answer,
    notes: [...base.notes, ...answer.notes],
    tookMs: took(),
  };
}

type Answer = Pick<PreviewResponse, "notes" | "services" | "blastRadius" | "simulation" | "limits">;

class ChangePreview {
  readonly #parts: PreviewParts;
  readonly #before: ConfigSnapshot;
  readonly #after: ConfigSnapshot;
  readonly #touched: Foreseen;
  readonly #services: readonly ServiceId[];
  readonly #pairs = new Map<string, readonly RulePair[]>();
  readonly #labels = new Map<string, Readonly<Record<string, string>>>();
  readonly #serviceOfWorkload = new Map<string, string>();
  readonly #serving = new Map<string, readonly ServingWorkload[]>();
  readonly #requests = new Map<string, number>();

  constructor(
    parts: PreviewParts,
    before: ConfigSnapshot,
    after: ConfigSnapshot,
    touched: Foreseen,
  ) {
    this.#parts = parts;
    this.#before = before;
    this.#after = after;
    this.#touched = touched;
    this.#services = touched.services.slice(0, MAX_SERVICES).map(toService);
    for (const instance of parts.registry.instances()) {
      const key = workloadKeyOf(instance);
      this.#labels.set(key, instance.labels);
      this.#serviceOfWorkload.set(key, serviceKeyOf(instance));
    }
  }

  async make(windowMs: number, nowMs: number, breather: Breather): Promise<Answer> {
    const limits: string[] = [];
    if (this.#touched.services.length > MAX_SERVICES) {
      limits.push(
        `${this.#touched.services.length} services are touched; routes and simulation tell of the first ${MAX_SERVICES}`,
      );
    }
    const traffic = await this.#observe(windowMs, nowMs, breather, limits);
    const simulated = traffic && (await this.#simulate(traffic, breather));
    const services = this.#describe(traffic, simulated);
    const changed = this.#changedPairs();
    const outcomes = simulated && traffic ? foldOutcomes(simulated.ends, traffic.seconds) : [];
    await breather.breathe();
    return {
      notes: [
        ...(simulated ? timeoutNotes(changed, simulated, this.#after) : []),
        ...failureNotes(outcomes),
      ],
      services,
      blastRadius: blastRadius(this.#touched, this.#touchedTraffic(traffic), this.#parts),
      ...(simulated && traffic
        ? { simulation: this.#toSimulation(simulated, traffic, outcomes, windowMs) }
        : {}),
      limits,
    };
  }

  // ---- Traffic ----

  async #observe(
    windowMs: number,
    nowMs: number,
    breather: Breather,
    limits: string[],
  ): Promise<ObservedTraffic | undefined> {
    const services = new Map<string, ServiceId>();
    for (const service of this.#services) {
      services.set(formatId(service), service);
      for (const pair of this.#pairsOf(service)) {
        for (const target of targetsOfPair(pair)) services.set(formatId(target), target);
      }
    }
    try {
      const traffic = await observeTraffic(
        this.#parts.db,
        {
          services: [...services.values()],
          workloads: this.#touchedWorkloads(),
          serviceOf: (workload) => this.#serviceOfWorkload.get(workload),
          windowMs,
          nowMs,
        },
        breather,
      );
      for (const { destination, requests } of traffic.inward) {
        const key = keyOfNode(destination);
        if (key) this.#requests.set(key, (this.#requests.get(key) ?? 0) + requests);
      }
      return traffic;
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) throw error;
      limits.push("the database is away: what the traffic was like is not known");
      return undefined;
    }
  }

  async #simulate(traffic: ObservedTraffic, breather: Breather): Promise<SimulatedTraffic> {
    const { mesh } = this.#parts;
    return simulateTraffic(
      traffic.samples,
      {
        pairsOf: (service) => this.#pairsOf(service),
        revisionOf: (service) => this.#before.service(service).resource.revision,
        labelsOf: (workload) => this.#labels.get(workload),
        servingOf: (service) => this.#servingOf(service),
        subsetLabels: (service, subset) => this.#subsetLabels(service, subset),
        access: new ForeseenAccess(mesh.trustDomain, (workload) => this.#accessOf(workload)),
        serviceAsked: (sample) => this.#serviceAsked(sample),
      },
      breather,
    );
  }

  /** The touched service a sampled request asked for; any service, if it came to a touched workload. */
  #serviceAsked({
    service,
    operation,
    destination,
    cluster,
  }: WeightedSample): ServiceId | undefined {
    const isTouched = (key: string) => this.#services.some((one) => formatId(one) === key);
    const came = this.#touchedWorkloads().has(destination);
    if (service !== null) {
      if (!came && !isTouched(service)) return undefined;
      return parseId(service) ?? undefined;
    }
    // Spans from before proxies told the service's namespace.
    const name = operation.slice(operation.indexOf(" ") + 1);
    const named = this.#services.filter((one) => one.name === name);
    const host = parseCluster(cluster)?.host;
    const found = named.find((one) => hostOf(one) === host) ?? named[0];
    if (found || !came) return found;
    const own = this.#serviceOfWorkload.get(destination);
    return own === undefined ? undefined : toService(own);
  }

  #touchedWorkloads(): ReadonlySet<string> {
    return new Set(this.#touched.workloads.map(({ instance }) => workloadKeyOf(instance)));
  }

  #accessOf(workload: string): AccessPair | undefined {
    const changed = this.#touched.workloads.find(
      ({ instance }) => workloadKeyOf(instance) === workload,
    );
    if (changed) return changed;
    for (const instance of this.#parts.registry.instances()) {
      if (workloadKeyOf(instance) !== workload) continue;
      const resource = this.#parts.mesh.workload(instance);
      return { before: resource, after: resource };
    }
    return undefined;
  }

  // ---- Rules ----

  #pairsOf(service: ServiceId): readonly RulePair[] {
    const key = formatId(service);
    const known = this.#pairs.get(key);
    if (known) return known;
    const made = rulePairs(service, this.#before, this.#after);
    this.#pairs.set(key, made);
    return made;
  }

  #changedPairs(): RulePair[] {
    return this.#services.flatMap((service) =>
      this.#pairsOf(service).filter(({ isChanged }) => isChanged),
    );
  }

  #servingOf(service: ServiceId): readonly ServingWorkload[] {
    const key = formatId(service);
    const known = this.#serving.get(key);
    if (known) return known;
    const endpoints = this.#parts.mesh.endpointsUnder(this.#after, service);
    const groups = Map.groupBy(endpoints, ({ endpoint }) =>
      formatId({ namespace: endpoint.namespace, name: endpoint.workload }),
    );
    const made = [...groups].map(([workload, all]) => ({
      workload,
      labels: all[0]?.endpoint.labels ?? {},
      requests: this.#requests.get(workload) ?? 0,
      endpoints: all.length,
    }));
    this.#serving.set(key, made);
    return made;
  }

  #subsetLabels(service: ServiceId, name: string) {
    for (const snapshot of [this.#after, this.#before]) {
      for (const { rules } of snapshot.service(service).ruleSets.toReversed()) {
        const found = rules.subsets.find(({ rule }) => rule.name === name);
        if (found) return found.rule.labels;
      }
    }
    return undefined;
  }

  // ---- Answers ----

  #describe(
    traffic: ObservedTraffic | undefined,
    simulated: SimulatedTraffic | undefined,
  ): ServicePreview[] {
    return this.#changedPairs().map((pair): ServicePreview => {
      const { service, source, before, after } = pair;
      const isForAll = Object.keys(source).length === 0;
      return {
        service: { namespace: service.namespace, name: service.name },
        ...(isForAll ? {} : { source }),
        lines: routeLines(pair, {
          tallies: simulated?.tallies.get(pair) ?? new Map(),
          hasUnknown: (simulated?.unknown.get(pair) ?? 0) > 0,
          perSecond: traffic && this.#rateOf(pair, traffic.inward),
          seconds: traffic?.seconds ?? 1,
        }),
        before: before.routes.map((route) => describeRoute(route, service)),
        after: after.routes.map((route) => describeRoute(route, service)),
        otherChanges: describeOtherChanges(pair),
      };
    });
  }

  /** Requests of a pair's callers to what its service's rules lead to. */
  #rateOf(pair: RulePair, inward: readonly CountedEdge[]): number {
    const targets = new Set([formatId(pair.service), ...targetsOfPair(pair).map(formatId)]);
    return inward
      .filter(({ source, destination }) => {
        const service = this.#serviceOfNode(destination);
        return service !== undefined && targets.has(service) && this.#pairOf(source, pair) === pair;
      })
      .reduce((sum, { perSecond }) => sum + perSecond, 0);
  }

  #pairOf(node: ObservedNode, { service }: RulePair): RulePair | undefined {
    const workload = keyOfNode(node);
    const caller = {
      namespace: node.namespace,
      labels: {
        ...(workload ? this.#labels.get(workload) : {}),
        ...(node.workload ? { [WORKLOAD_LABEL]: node.workload } : {}),
      },
    };
    return this.#pairsOf(service).find((one) => selectsCaller(one.source, caller));
  }

  #serviceOfNode(node: ObservedNode): string | undefined {
    const workload = keyOfNode(node);
    const own = workload === undefined ? undefined : this.#serviceOfWorkload.get(workload);
    if (own !== undefined) return own;
    if (node.service) return formatId({ namespace: node.namespace, name: node.service });
    if (node.kind !== "external") return undefined;
    const host = node.id.slice("external/".length);
    const found = this.#services.find((one) => hostOf(one) === host);
    return found && formatId(found);
  }

  /** Of all that was looked at, what comes to the touched services and workloads themselves. */
  #touchedTraffic(traffic: ObservedTraffic | undefined): TouchedTraffic | undefined {
    if (traffic === undefined) return undefined;
    const services = new Set([...this.#touched.services, ...this.#touched.endpoints]);
    const workloads = this.#touchedWorkloads();
    const serviceOf = (node: ObservedNode) => this.#serviceOfNode(node);
    const isTouched = (node: ObservedNode) =>
      workloads.has(keyOfNode(node) ?? "") || services.has(serviceOf(node) ?? "");
    return {
      inward: traffic.inward.filter(
        ({ source, destination }) =>
          isTouched(destination) && this.#isConcerned(source, destination, workloads),
      ),
      onward: traffic.onward.filter(
        ({ source, destination }) => isTouched(source) && !isTouched(destination),
      ),
      serviceOf,
    };
  }

  /** Whether something changes for this caller. */
  #isConcerned(
    source: ObservedNode,
    destination: ObservedNode,
    workloads: ReadonlySet<string>,
  ): boolean {
    if (workloads.has(keyOfNode(destination) ?? "")) return true;
    const service = this.#serviceOfNode(destination);
    const pairs = service === undefined ? [] : this.#pairsOf(toService(service));
    const [first] = pairs;
    if (!first || pairs.every(({ isChanged }) => !isChanged)) return true;
    return this.#pairOf(source, first)?.isChanged ?? true;
  }

  #toSimulation(
    simulated: SimulatedTraffic,
    traffic: ObservedTraffic,
    outcomes: Simulation["outcomes"],
    windowMs: number,
  ): Simulation {
    const hasOpaque = this.#changedPairs().some(
      ({ before, after }) =>
        before.tcpRoutes ?? after.tcpRoutes ?? before.tlsRoutes ?? after.tlsRoutes,
    );
    return {
      windowMs,
      sampled: simulated.sampled,
      isTruncated: traffic.isTruncated,
      outcomes: [...outcomes],
      missing: missingOf(outcomes),
      limits: [
        ...(simulated.sampled === 0 ? ["no request was sampled in this window"] : []),
        "retries, rate limits, filters and outlier detection are not played again",
        ...(hasOpaque ? ["opaque connections are not simulated"] : []),
      ],
    };
  }
}

function keyOfNode({ namespace, workload }: ObservedNode): string | undefined {
  return workload ? formatId({ namespace, name: workload }) : undefined;
}

function toService(key: string): ServiceId {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
