import type { RouteLine } from "@heddle/contracts";
import {
  type CompiledRoute,
  compileRoutes,
  type RouteDestination,
  relateMatches,
} from "@heddle/mesh";
import { inPercent, inTime } from "../traffic/wording.ts";
import { destinationKey } from "./destination-groups.ts";
import { describeMatch } from "./match-words.ts";
import { round } from "./outcome-words.ts";
import { describeRedirect, describeTarget } from "./route-words.ts";
import type { RulePair } from "./rule-pairs.ts";
import { type RouteTally, routeKey } from "./simulate-traffic.ts";

/** What is known of the traffic of one pair of rules. */
export type PairTraffic = {
  readonly tallies: ReadonlyMap<string, RouteTally>;
  readonly hasUnknown: boolean;
  /** All requests of these callers to the service; `undefined`: not known. */
  readonly perSecond: number | undefined;
  readonly seconds: number;
};

type Block = Pick<CompiledRoute, "route" | "match">;
type Kind = {
  readonly block: Block;
  readonly request: string;
  readonly before: Block | undefined;
  readonly after: Block | undefined;
  readonly change: RouteLine["change"];
  readonly isApproximate: boolean;
  readonly perSecond: number | undefined;
};

/** "Routes, before and after": each kind of request the rules tell apart, and where it goes. */
export function routeLines(pair: RulePair, traffic: PairTraffic): RouteLine[] {
  const before = compileRoutes(pair.before.routes);
  const after = compileRoutes(pair.after.routes);
  const kinds = kindsOf(before, after, traffic);
  return kinds.flatMap((kind) => linesOf(kind, pair, traffic));
}

function kindsOf(before: readonly Block[], after: readonly Block[], traffic: PairTraffic): Kind[] {
  const textOf = ({ match }: Block) => JSON.stringify(match ?? {});
  const oldTexts = new Set(before.map(textOf));
  const newTexts = new Set(after.map(textOf));
  const kept = after.map((block): Kind => {
    const { block: old, isApproximate } = covering(block, before, newTexts);
    const isNew = !oldTexts.has(textOf(block));
    const isSame = old !== undefined && actionOf(old) === actionOf(block);
    return {
      ...{ block, before: old, after: block, isApproximate },
      request: describeMatch(block.match),
      change: isNew ? "added" : isSame ? "same" : "changed",
      perSecond: rateOf(block, after, traffic),
    };
  });
  const removed = before
    .filter((block) => !newTexts.has(textOf(block)))
    .map((block): Kind => {
      const { block: next, isApproximate } = covering(block, after, oldTexts);
      return {
        ...{ block, before: block, after: next, isApproximate },
        request: describeMatch(block.match),
        change: "removed",
        perSecond: undefined,
      };
    });
  return [...kept, ...removed];
}

/** The first block that takes all requests of another; approximate if one before it takes some that is not known there. */
function covering(
  { match }: Block,
  blocks: readonly Block[],
  known: ReadonlySet<string>,
): { readonly block: Block | undefined; readonly isApproximate: boolean } {
  let isApproximate = false;
  for (const block of blocks) {
    const relation = relateMatches(match, block.match);
    if (relation === "inside") return { block, isApproximate };
    if (relation === "overlap" && !known.has(JSON.stringify(block.match ?? {}))) {
      isApproximate = true;
    }
  }
  return { block: undefined, isApproximate };
}

function rateOf(
  { route, match }: Block,
  after: readonly Block[],
  { tallies, hasUnknown, perSecond, seconds }: PairTraffic,
): number | undefined {
  if (after.length === 1) return perSecond;
  if (hasUnknown || perSecond === undefined) return undefined;
  const tally = tallies.get(routeKey(route.name, match));
  if (tally) return tally.requests / seconds;
  return tallies.size > 0 || perSecond === 0 ? 0 : undefined;
}

function actionOf({ route }: Block): string {
  const { name: _, matches: __, ...action } = route;
  return JSON.stringify(action);
}

function linesOf(kind: Kind, pair: RulePair, traffic: PairTraffic): RouteLine[] {
  return [...shareLines(kind, pair), ...timeoutLines(kind, traffic), ...abortLines(kind)];
}

type Place = Pick<RouteLine, "fate" | "goesTo" | "destination"> & { readonly ratio: number };

function shareLines(kind: Kind, pair: RulePair): RouteLine[] {
  const was = placesOf(kind.before, pair);
  const is = placesOf(kind.after, pair);
  const keys = [...new Set([...is.keys(), ...was.keys()])];
  return keys.flatMap((key): RouteLine[] => {
    const old = was.get(key);
    const next = is.get(key);
    const place = next ?? old;
    if (!place) return [];
    const beforeRatio = old?.ratio ?? 0;
    const afterRatio = next?.ratio ?? 0;
    if (beforeRatio === 0 && afterRatio === 0) return [];
    const { ratio: _, ...about } = place;
    return [
      {
        ...lineOf(kind),
        ...about,
        beforeRatio,
        afterRatio,
        ...rates(kind, beforeRatio, afterRatio),
      },
    ];
  });
}

function lineOf({ request, block, change, isApproximate }: Kind) {
  return { request, route: block.route.name, change, ...(isApproximate ? { isApproximate } : {}) };
}

function rates({ perSecond }: Kind, beforeRatio: number, afterRatio: number) {
  if (perSecond === undefined) return {};
  return {
    beforePerSecond: round(perSecond * beforeRatio, 100),
    afterPerSecond: round(perSecond * afterRatio, 100),
  };
}

function placesOf(block: Block | undefined, { service }: RulePair): Map<string, Place> {
  const places = new Map<string, Place>();
  if (block === undefined) {
    places.set("none", { fate: "not-found", goesTo: "404, no route", ratio: 1 });
    return places;
  }
  const { redirect, directResponse, destinations } = block.route;
  if (redirect) {
    const goesTo = describeRedirect(redirect);
    places.set(goesTo, { fate: "redirected", goesTo, ratio: 1 });
  } else if (directResponse) {
    const goesTo = `${directResponse.status} by the rule`;
    places.set(goesTo, { fate: "answered", goesTo, ratio: 1 });
  }
  const sum = destinations.reduce((total, { weight }) => total + weight, 0);
  for (const to of destinations) {
    const share = destinations.length === 1 ? 1 : sum === 0 ? 0 : to.weight / sum;
    const key = placeKey(to);
    const ratio = (places.get(key)?.ratio ?? 0) + share;
    places.set(key, {
      fate: "forwarded",
      goesTo: describeTarget(to, service),
      destination: toDestination(to),
      ratio,
    });
  }
  return places;
}

function placeKey(to: RouteDestination): string {
  return `${destinationKey(to)}|${to.port ?? ""}`;
}

function toDestination({ service, subset, port }: RouteDestination) {
  return {
    service: { namespace: service.namespace, name: service.name },
    ...(subset === undefined ? {} : { subset }),
    ...(port === undefined ? {} : { port }),
  };
}

function timeoutLines(kind: Kind, { tallies, seconds, hasUnknown }: PairTraffic): RouteLine[] {
  const was = kind.before?.route.timeoutMs;
  const is = kind.after?.route.timeoutMs;
  const limitMs = is ?? was;
  if (was === is || limitMs === undefined) return [];
  const tally = tallies.get(routeKey(kind.block.route.name, kind.block.match));
  const isKnown = tally !== undefined && !hasUnknown && is !== undefined;
  return [
    {
      ...lineOf(kind),
      request: `${kind.request}, over ${inTime(limitMs)}`,
      fate: "timed-out",
      goesTo: "504",
      beforeText: was === undefined ? "none" : inTime(was),
      afterText: is === undefined ? "none" : inTime(is),
      ...(isKnown
        ? { beforePerSecond: 0, afterPerSecond: round(tally.timedOut / seconds, 100) }
        : {}),
    },
  ];
}

function abortLines(kind: Kind): RouteLine[] {
  const was = kind.before?.route.fault?.abort;
  const is = kind.after?.route.fault?.abort;
  const abort = is ?? was;
  if (abort === undefined || JSON.stringify(was) === JSON.stringify(is)) return [];
  const status = "httpStatus" in abort ? String(abort.httpStatus) : `gRPC ${abort.grpcStatus}`;
  const beforeRatio = was?.ratio ?? 0;
  const afterRatio = is?.ratio ?? 0;
  return [
    {
      ...lineOf(kind),
      fate: "fault",
      goesTo: `${status} injected`,
      beforeRatio,
      afterRatio,
      beforeText: inPercent(beforeRatio),
      afterText: inPercent(afterRatio),
      ...rates(kind, beforeRatio, afterRatio),
    },
  ];
}
