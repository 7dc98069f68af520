import { allHold, compileKnownMatch, type RateLimit, type SimulatedEnd } from "@heddle/mesh";
import type { Arrival, EndedSample } from "./ended-sample.ts";
import type { AccessPair } from "./foreseen-access.ts";

/** Where limits are looked up, by `namespace/name` of a workload. */
export type LimitContext = {
  readonly accessOf: (workload: string) => AccessPair | undefined;
  /** Each has a proxy with buckets of its own. */
  readonly instancesOf: (workload: string) => number;
};

/** Requests that each stand for themselves are counted by the second, others by more, over which they spread. */
const FINE_MS = 1000;
const COARSE_MS = 10_000;
const MAX_FINE_WEIGHT = 2;
/** Where a limit is, its source is known; a match on callers takes all in. */
const ANYBODY = { namespace: "", labels: {} };

type Place = EndedSample & { readonly arrival: Arrival };
type Share = {
  readonly place: Place;
  readonly weight: number;
  /** It found no room before. */
  readonly wasRefused: boolean;
  /** Share of it that finds no room, and in which limit. */
  refused: number;
  by: string;
  /** Share of what found no room before that finds some now. */
  recovered: number;
  asks: string | undefined;
};

/**
 * Ends with what the rate limits of the workloads they come to make of them: token buckets as the proxies keep them,
 * filled by the sampled requests, each as many as it stands for. Only where limits change or traffic moves.
 */
export function limitTraffic(
  ends: readonly EndedSample[],
  context: LimitContext,
): { readonly ends: EndedSample[]; readonly isLimited: boolean } {
  const places = ends.filter((one): one is Place => one.arrival !== undefined);
  const byWorkload = Map.groupBy(places, ({ arrival }) => arrival.workload);
  const shares = new Map<EndedSample, Share>();
  for (const [workload, arrivals] of byWorkload) {
    const pair = context.accessOf(workload);
    if (!pair) continue;
    const before = enforced(pair.before.rateLimits);
    const after = enforced(pair.after.rateLimits);
    const isTouched =
      JSON.stringify(before) !== JSON.stringify(after) ||
      (after.length > 0 && arrivals.some(({ end }) => end.kind === "moved"));
    if (!isTouched) continue;
    const all = arrivals.map((place) => toShare(place, before.length > 0));
    const proxies = Math.max(1, context.instancesOf(workload));
    for (const limit of after) fill(limit, all, proxies);
    for (const share of all) shares.set(share.place, share);
  }
  return {
    ends: ends.flatMap((one) => {
      const share = shares.get(one);
      return share === undefined ? [one] : split(one, share);
    }),
    isLimited: shares.size > 0,
  };
}

function enforced(limits: readonly RateLimit[] = []): readonly RateLimit[] {
  return limits.filter(({ isShadow }) => !isShadow);
}

function toShare(place: Place, hadLimits: boolean): Share {
  const { sample, end } = place;
  const wasRefused = hadLimits && sample.status === 429 && end.kind === "same";
  return {
    ...{ place, wasRefused, weight: sample.weight * end.ratio },
    ...{ refused: 0, by: "", recovered: wasRefused ? 1 : 0, asks: undefined },
  };
}

function fill(limit: RateLimit, shares: readonly Share[], proxies: number): void {
  const conditions = limit.matches.map((match) => compileKnownMatch(match, ANYBODY));
  const buckets = new Map<string, Share[]>();
  for (const share of shares) {
    const { request } = share.place.arrival;
    const known = conditions.map((all) => allHold(all, (one) => one.test(request)));
    if (known.length > 0 && !known.includes(true)) {
      if (known.includes(undefined)) {
        share.asks ??= conditions.flat().find((one) => one.test(request) === undefined)?.asks;
      }
      continue;
    }
    const key = keyOf(limit, share.place);
    if (key === undefined) share.asks ??= askOf(limit);
    else buckets.set(key, [...(buckets.get(key) ?? []), share]);
  }
  for (const bucket of buckets.values()) fillBucket(limit, bucket, proxies);
}

/** `undefined`: nobody recorded it. */
function keyOf({ key }: RateLimit, { sample, arrival }: Place): string | undefined {
  if (key === undefined) return "";
  if (key.kind === "source-workload") return sample.source;
  if (key.kind === "source-address") return sample.address ?? undefined;
  const { request } = arrival;
  return request.knowsHeader(key.name) ? (request.header(key.name) ?? "") : undefined;
}

function askOf({ key }: RateLimit): string {
  return key?.kind === "header" ? `header ${key.name}` : "address of the caller";
}

function fillBucket(limit: RateLimit, shares: readonly Share[], proxies: number): void {
  const isFine = shares.every(({ place }) => place.sample.weight <= MAX_FINE_WEIGHT);
  const binMs = isFine ? FINE_MS : COARSE_MS;
  const capacity = limit.burst * proxies;
  const perMs = (limit.requests * proxies) / limit.windowMs;
  const bins = Map.groupBy(shares, ({ place }) => Math.floor(place.sample.startMs / binMs));
  let tokens = capacity;
  let last: number | undefined;
  for (const bin of [...bins.keys()].sort((a, b) => a - b)) {
    const quietMs = last === undefined ? 0 : (bin - last - 1) * binMs;
    tokens = Math.min(capacity, tokens + quietMs * perMs);
    last = bin;
    const here = bins.get(bin) ?? [];
    const asked = sum(here.map(({ weight, refused }) => weight * (1 - refused)));
    const granted = Math.min(asked, tokens + binMs * perMs);
    tokens = Math.min(capacity, tokens + binMs * perMs - granted);
    refuse(here, asked - granted, limit.name);
  }
}

/** Those that found no room before are the first to find none: equal limits change nothing. */
function refuse(shares: readonly Share[], tooMany: number, limit: string): void {
  const before = shares.filter(({ wasRefused }) => wasRefused);
  const others = shares.filter(({ wasRefused }) => !wasRefused);
  const wasTooMany = sum(before.map(({ weight }) => weight));
  const room = sum(others.map(({ weight, refused }) => weight * (1 - refused)));
  const recovered = wasTooMany === 0 ? 0 : Math.max(0, wasTooMany - tooMany) / wasTooMany;
  for (const share of before) share.recovered = Math.min(share.recovered, recovered);
  const refused = room === 0 ? 0 : Math.min(1, Math.max(0, tooMany - wasTooMany) / room);
  if (refused === 0) return;
  for (const share of others) {
    share.refused += (1 - share.refused) * refused;
    share.by = limit;
  }
}

function split(ended: EndedSample, share: Share): EndedSample[] {
  const { end } = ended;
  if (share.asks !== undefined) {
    return [{ ...ended, end: { kind: "unknown", ratio: end.ratio, detail: share.asks } }];
  }
  const changed = share.wasRefused ? share.recovered : share.refused;
  if (changed <= 0) return [ended];
  const other: SimulatedEnd = share.wasRefused
    ? { ...end, kind: "recovered", ratio: end.ratio * changed, detail: "room" }
    : { ...end, kind: "rate-limited", ratio: end.ratio * changed, detail: share.by };
  const kept = { ...ended, end: { ...end, ratio: end.ratio * (1 - changed) } };
  return changed >= 1 ? [{ ...ended, end: other }] : [kept, { ...ended, end: other }];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
