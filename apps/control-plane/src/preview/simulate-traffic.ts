import type { ServiceRules } from "@heddle/contracts";
import { WORKLOAD_LABEL } from "@heddle/contracts";
import {
  type Caller,
  type CompiledRoute,
  findKnownRoute,
  formatId,
  learnFromRule,
  parseId,
  prepareRules,
  type RecordedRequest,
  type RouteMatch,
  type ServiceId,
  type SimulatedEnd,
  type SimulatedRules,
  selectsCaller,
  simulateRequest,
} from "@heddle/mesh";
import type { Breather } from "./breather.ts";
import { DestinationGroups, destinationKey, type ServingWorkload } from "./destination-groups.ts";
import type { EndedSample } from "./ended-sample.ts";
import type { ForeseenAccess } from "./foreseen-access.ts";
import { type LimitContext, limitTraffic } from "./limit-traffic.ts";
import type { WeightedSample } from "./observed-traffic.ts";
import { parseCluster, toRecordedRequest } from "./recorded-request.ts";
import type { RulePair } from "./rule-pairs.ts";

/** What the requests of one route, after the change, come to; numbers are weights: so many real requests. */
export type RouteTally = { requests: number; timedOut: number; readonly slow: Map<string, number> };

export type SimulatedTraffic = {
  readonly ends: readonly EndedSample[];
  /** Some of them came to a workload whose rate limits were played again. */
  readonly isLimited: boolean;
  readonly sampled: number;
  /** By pair, then by `routeKey` of the route after the change. */
  readonly tallies: ReadonlyMap<RulePair, ReadonlyMap<string, RouteTally>>;
  /** By pair: requests of which no route could be told. */
  readonly unknown: ReadonlyMap<RulePair, number>;
  /** Weighted latencies in ms by destination, as they were. */
  readonly latencies: Latencies;
};

/** What the simulation looks things up in. */
export type SimulationContext = {
  /** Of any service, touched or not. */
  readonly pairsOf: (service: ServiceId) => readonly RulePair[];
  readonly revisionOf: (service: ServiceId) => number;
  readonly labelsOf: (workload: string) => Readonly<Record<string, string>> | undefined;
  readonly servingOf: (service: ServiceId) => readonly ServingWorkload[];
  readonly subsetLabels: (
    service: ServiceId,
    subset: string,
  ) => Readonly<Record<string, string>> | undefined;
  readonly access: ForeseenAccess;
  readonly limits: LimitContext;
  /** Which of the touched services a request asked for, or was handed to. */
  readonly serviceAsked: (sample: WeightedSample) => ServiceId | undefined;
};

/** Ends before a workload's limits are asked. */
const NOT_ARRIVING: ReadonlySet<SimulatedEnd["kind"]> = new Set([
  "denied",
  "fault",
  "no-endpoints",
  "unknown",
]);
const NO_RULES: ServiceRules = { routes: [], subsets: [] };
const OUTSIDE: RulePair = {
  service: { namespace: "", name: "" },
  source: {},
  before: NO_RULES,
  after: NO_RULES,
  isChanged: false,
};

/** Names a route's match block within its list. */
export function routeKey(name: string, match: RouteMatch | undefined): string {
  return `${name} ${JSON.stringify(match ?? {})}`;
}

/** Runs sampled requests through the rules of both sides. */
export async function simulateTraffic(
  samples: readonly WeightedSample[],
  context: SimulationContext,
  breather: Breather,
): Promise<SimulatedTraffic> {
  const simulator = new TrafficSimulator(context);
  const prepared = [];
  for (const sample of samples) {
    const one = simulator.prepare(sample);
    if (one) prepared.push(one);
    await breather.breathe();
  }
  simulator.latencies.sort();
  for (const one of prepared) {
    simulator.run(one);
    await breather.breathe();
  }
  const { tallies, unknown, latencies } = simulator;
  const limited = limitTraffic(simulator.ends, context.limits);
  return { ...limited, tallies, unknown, latencies, sampled: prepared.length };
}

type Sides = {
  readonly pair: RulePair;
  readonly groups: DestinationGroups;
  readonly before: SimulatedRules;
  readonly after: SimulatedRules;
};
type PreparedSample = {
  readonly sample: WeightedSample;
  readonly service: ServiceId;
  readonly sides: Sides;
  readonly request: RecordedRequest;
};

class TrafficSimulator {
  readonly ends: EndedSample[] = [];
  readonly tallies = new Map<RulePair, Map<string, RouteTally>>();
  readonly unknown = new Map<RulePair, number>();
  readonly latencies = new Latencies();
  readonly #context: SimulationContext;
  readonly #sides = new Map<string, Sides>();

  constructor(context: SimulationContext) {
    this.#context = context;
  }

  prepare(sample: WeightedSample): PreparedSample | undefined {
    const isOutside = sample.address !== null;
    const service = this.#context.serviceAsked(sample);
    if (service === undefined && !isOutside) return undefined;
    const asked = service ?? OUTSIDE.service;
    const sides = this.#sidesOf(asked, sample, isOutside);
    const cluster = isOutside ? undefined : parseCluster(sample.cluster);
    const sentTo = cluster && `${cluster.host}|${cluster.subset}`;
    const wentTo = isOutside
      ? `|${sample.destination}`
      : sentTo && sides.groups.reached(sentTo, sample.destination);
    const isOfTheseRules =
      sample.revision !== null && sample.revision === this.#context.revisionOf(asked);
    const rule = isOfTheseRules ? (sample.rule ?? undefined) : undefined;
    const request = toRecordedRequest(sample, { wentTo, rule });
    if (wentTo !== undefined && sample.destination !== "unknown" && sample.status !== 0) {
      this.latencies.add(wentTo, sample.durationMs, sample.weight);
    }
    return { sample, service: asked, sides, request };
  }

  run({ sample, service, sides, request }: PreparedSample): void {
    const { groups, before, after, pair } = sides;
    const { access } = this.#context;
    const workloadAt = (key: string) =>
      key === request.wentTo ? sample.destination : groups.workloadsOf(key)[0]?.workload;
    const ends = simulateRequest(request, before, after, {
      keyOf: destinationKey,
      hasEndpoints: (key) => groups.workloadsOf(key).some(({ endpoints }) => endpoints > 0),
      authorize: (key, asked, path) => {
        const workload = workloadAt(key);
        return workload === undefined ? "same" : access.judge(workload, sample, asked, path);
      },
      shareAbove: (key, ms) => this.latencies.shareAbove(key, ms),
    });
    for (const end of ends) {
      const { kind, to } = end;
      const isSent = to !== undefined && !NOT_ARRIVING.has(kind);
      const workload = isSent ? workloadAt(to) : undefined;
      const arrival = workload === undefined ? undefined : { workload, request };
      this.ends.push({ sample, service, end, arrival });
    }
    if (pair !== OUTSIDE) this.#tally(sample, request, sides, ends);
  }

  #tally(
    { weight }: WeightedSample,
    request: RecordedRequest,
    { pair, before, after }: Sides,
    ends: readonly SimulatedEnd[],
  ): void {
    const learned = learnFromRule(before, request, request.rule);
    const found = findKnownRoute(after, request, learned);
    if (found.kind === "unknown") {
      this.unknown.set(pair, (this.unknown.get(pair) ?? 0) + weight);
      return;
    }
    if (found.kind === "none") return;
    const tally = this.#tallyOf(pair, found.route);
    tally.requests += weight;
    for (const { kind, ratio, to } of ends) {
      if (kind !== "timed-out") continue;
      tally.timedOut += weight * ratio;
      if (to !== undefined) tally.slow.set(to, (tally.slow.get(to) ?? 0) + weight * ratio);
    }
  }

  #tallyOf(pair: RulePair, { route, match }: CompiledRoute): RouteTally {
    const ofPair = this.tallies.get(pair) ?? new Map<string, RouteTally>();
    this.tallies.set(pair, ofPair);
    const key = routeKey(route.name, match);
    const known = ofPair.get(key);
    if (known) return known;
    const made: RouteTally = { requests: 0, timedOut: 0, slow: new Map() };
    ofPair.set(key, made);
    return made;
  }

  #sidesOf(service: ServiceId, { source }: WeightedSample, isOutside: boolean): Sides {
    const key = isOutside ? "outside" : `${formatId(service)} ${source}`;
    const known = this.#sides.get(key);
    if (known) return known;
    const caller = this.#callerOf(source);
    const pair = isOutside
      ? OUTSIDE
      : (this.#context.pairsOf(service).find((one) => selectsCaller(one.source, caller)) ??
        OUTSIDE);
    const { servingOf, subsetLabels } = this.#context;
    const groups = new DestinationGroups(pair, servingOf, subsetLabels);
    const prepare = ({ routes }: ServiceRules, by: "requests" | "endpoints") => ({
      ...prepareRules(groups.expand(routes, by), caller),
      text: JSON.stringify(routes),
    });
    const made: Sides = {
      pair,
      groups,
      before: prepare(pair.before, "requests"),
      after: prepare(pair.after, "endpoints"),
    };
    this.#sides.set(key, made);
    return made;
  }

  #callerOf(workload: string): Caller {
    const id = parseId(workload);
    const labels = this.#context.labelsOf(workload) ?? {};
    return {
      namespace: id?.namespace ?? "",
      labels: { ...labels, ...(id ? { [WORKLOAD_LABEL]: id.name } : {}) },
    };
  }
}

/** How long requests to each destination took. */
export class Latencies {
  readonly #byKey = new Map<string, { ms: number; weight: number }[]>();

  add(key: string, ms: number, weight: number): void {
    const known = this.#byKey.get(key);
    if (known) known.push({ ms, weight });
    else this.#byKey.set(key, [{ ms, weight }]);
  }

  /** Before the first question. */
  sort(): void {
    for (const all of this.#byKey.values()) all.sort((a, b) => a.ms - b.ms);
  }

  /** `undefined`: nobody was seen there. */
  shareAbove(key: string, ms: number): number | undefined {
    const all = this.#byKey.get(key);
    if (!all) return undefined;
    let above = 0;
    let total = 0;
    for (const one of all) {
      total += one.weight;
      if (one.ms > ms) above += one.weight;
    }
    return above / total;
  }

  quantile(key: string, quantile: number): number | undefined {
    const all = this.#byKey.get(key) ?? [];
    const total = all.reduce((sum, { weight }) => sum + weight, 0);
    let seen = 0;
    for (const { ms, weight } of all) {
      seen += weight;
      if (seen >= total * quantile) return ms;
    }
    return all.at(-1)?.ms;
  }
}
