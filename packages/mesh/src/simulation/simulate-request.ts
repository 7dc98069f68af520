import type { Caller } from "../routing/caller.ts";
import { type CompiledRoute, compileRoutes } from "../routing/compile-routes.ts";
import type { FaultInjection } from "../routing/fault-injection.ts";
import type { Route, RouteDestination } from "../routing/route.ts";
import { coupleShares, type Shares } from "./couple-shares.ts";
import { foreseeRetries } from "./foresee-retries.ts";
import { allHold, compileKnownMatch, type KnownCondition, type KnownFacts } from "./known-match.ts";

/** A request as a span tells it. */
export type RecordedRequest = KnownFacts & {
  readonly durationMs: number;
  /** Envoy's flags of its answer, `-` for none. */
  readonly flags: string;
  /** 0: no answer. */
  readonly status: number;
  /** Tries beyond the first. */
  readonly retries: number;
  /** The destination it reached, as `keyOf` names destinations; `undefined`: none. */
  readonly wentTo: string | undefined;
  /** The route that took it, if that was decided under the rules `before`; `undefined`: not known. */
  readonly rule: string | undefined;
};

/** The rules of a service in the eyes of one caller, ready for many recorded requests. */
export type SimulatedRules = {
  readonly routes: readonly CompiledRoute[];
  readonly conditions: readonly (readonly KnownCondition[])[];
  /** Equal texts: equal rules. */
  readonly text: string;
};

/** One way a request may end under other rules; the ratios of all its ways sum up to 1. */
export type SimulatedEnd = {
  readonly kind:
    | "same"
    | "moved"
    | "rewritten"
    | "redirected"
    | "answered"
    | "denied"
    | "not-found"
    | "fault"
    | "delayed"
    | "timed-out"
    | "no-endpoints"
    | "recovered"
    | "retried"
    | "not-retried"
    | "rate-limited" // by who knows of limits; no route does
    | "unknown";
  readonly ratio: number;
  /** Where it went, and where it would go; `undefined`: nowhere. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** A status, a path, a time: what tells ends of one kind apart. */
  readonly detail?: string | undefined;
};

/** What the rules of routes do not say. */
export type SimulationParts = {
  readonly keyOf: (destination: Pick<RouteDestination, "service" | "subset">) => string;
  /** Whether anybody serves there. */
  readonly hasEndpoints: (key: string) => boolean;
  /**
   * What AuthorizationPolicies say after the change, where they let it pass before; with what they ask for and nobody
   * recorded, if that decides.
   */
  readonly authorize: (
    key: string,
    request: RecordedRequest,
    path: string,
  ) => "same" | "denied" | "recovered" | { readonly asks: string };
  /** Share of the requests there that take longer; `undefined`: none was seen there. */
  readonly shareAbove: (key: string, ms: number) => number | undefined;
};

/** Throws what `compileRoutes` throws. */
export function prepareRules(routes: readonly Route[], caller: Caller): SimulatedRules {
  const compiled = compileRoutes(routes, caller);
  return {
    routes: compiled,
    conditions: compiled.map(({ match }) => compileKnownMatch(match, caller)),
    text: JSON.stringify(routes),
  };
}

type Found =
  | { readonly kind: "route"; readonly route: CompiledRoute }
  | { readonly kind: "none" }
  | { readonly kind: "unknown"; readonly asks: readonly string[] };

/**
 * The first route that takes a request, as far as that is known. `learned`: what the route it really took tells of
 * conditions nobody recorded.
 */
export function findKnownRoute(
  rules: SimulatedRules,
  request: KnownFacts,
  learned: ReadonlyMap<string, boolean>,
): Found {
  const asks = new Set<string>();
  for (const [index, route] of rules.routes.entries()) {
    const conditions = rules.conditions[index] ?? [];
    const truthOf = (one: KnownCondition) => learned.get(one.key) ?? one.test(request);
    const truth = allHold(conditions, truthOf);
    if (truth === false) continue;
    if (truth === true) return asks.size === 0 ? { kind: "route", route } : unknownFor(asks);
    for (const one of conditions) if (truthOf(one) === undefined) asks.add(one.asks);
  }
  return asks.size === 0 ? { kind: "none" } : unknownFor(asks);
}

function unknownFor(asks: ReadonlySet<string>): Found {
  return { kind: "unknown", asks: [...asks].sort() };
}

/** What it tells of a request that this route took it, and that no route before it did. */
export function learnFromRule(
  rules: SimulatedRules,
  request: KnownFacts,
  rule: string | undefined,
): ReadonlyMap<string, boolean> {
  const learned = new Map<string, boolean>();
  if (rule === undefined) return learned;
  const unknownOf = (index: number) =>
    (rules.conditions[index] ?? []).filter((one) => one.test(request) === undefined);
  const isPossible = (index: number) =>
    allHold(rules.conditions[index] ?? [], (one) => one.test(request)) !== false;
  const possible = rules.routes.flatMap(({ name }, index) =>
    name === rule && isPossible(index) ? [index] : [],
  );
  const [first] = possible;
  if (first === undefined) return learned;
  for (let index = 0; index < first; index++) {
    const [only, second] = isPossible(index) ? unknownOf(index) : [];
    if (only !== undefined && second === undefined) learned.set(only.key, false);
  }
  if (possible.length === 1) for (const one of unknownOf(first)) learned.set(one.key, true);
  return learned;
}

/**
 * How a recorded request would end under the rules `after`. What splits and faults draw are shares, not draws; of all
 * ways to draw, the one that changes least. Equal rules change nothing.
 */
export function simulateRequest(
  request: RecordedRequest,
  before: SimulatedRules,
  after: SimulatedRules,
  parts: SimulationParts,
): SimulatedEnd[] {
  const learned = learnFromRule(before, request, request.rule);
  const old = findKnownRoute(before, request, learned);
  if (before.text === after.text) return underSameRoutes(request, old, parts);
  const next = findKnownRoute(after, request, learned);
  if (next.kind === "unknown") return [unknown(next.asks)];
  const from = request.wentTo;
  if (next.kind === "none") {
    return [
      old.kind === "none" ? { kind: "same", ratio: 1 } : { kind: "not-found", ratio: 1, from },
    ];
  }
  const was = old.kind === "route" ? old.route : undefined;
  const own = answerOf(next.route, request);
  if (own !== undefined) {
    const isOld = was !== undefined && answerOf(was, request)?.detail === own.detail;
    return [isOld ? { kind: "same", ratio: 1 } : { ...own, from }];
  }
  return new Forwarding(request, was, next.route, parts).ends();
}

/** It goes where it went; only who lets it in there may be another matter. */
function underSameRoutes(
  request: RecordedRequest,
  found: Found,
  { authorize }: SimulationParts,
): SimulatedEnd[] {
  const { wentTo } = request;
  const same: SimulatedEnd = { kind: "same", ratio: 1, from: wentTo, to: wentTo };
  if (wentTo === undefined) return [same];
  const rewrite = found.kind === "route" ? found.route.rewritePath : undefined;
  const said = authorize(wentTo, request, rewrite?.(request.path) ?? request.path);
  if (typeof said === "object") return [unknown([said.asks])];
  if (said === "same") return [same];
  return [{ ...same, kind: said, ...(said === "recovered" ? { detail: "let in" } : {}) }];
}

function unknown(asks: readonly string[], ratio = 1): SimulatedEnd {
  return { kind: "unknown", ratio, detail: asks.join(", ") };
}

/** The end of a route that needs no destination. */
function answerOf(route: CompiledRoute, request: RecordedRequest): SimulatedEnd | undefined {
  const { redirect, directResponse } = route;
  if (redirect !== undefined) {
    const { path, authority, port } = request;
    const location = redirect.location({ scheme: "http", authority, port, path, query: undefined });
    return { kind: "redirected", ratio: 1, detail: `${redirect.status} to ${location}` };
  }
  if (directResponse === undefined) return undefined;
  return { kind: "answered", ratio: 1, detail: String(directResponse.status) };
}

/** A request that a route sends on: fault, split, rewrite, authorization and timeout, in this order. */
class Forwarding {
  readonly #request: RecordedRequest;
  readonly #was: CompiledRoute | undefined;
  readonly #next: CompiledRoute;
  readonly #parts: SimulationParts;
  readonly #ends: SimulatedEnd[] = [];
  #from: string | undefined;

  constructor(
    request: RecordedRequest,
    was: CompiledRoute | undefined,
    next: CompiledRoute,
    parts: SimulationParts,
  ) {
    this.#request = request;
    this.#was = was;
    this.#next = next;
    this.#parts = parts;
    this.#from = request.wentTo;
  }

  ends(): SimulatedEnd[] {
    const { flags, wentTo } = this.#request;
    const wasAborted = hasFlag(flags, "FI");
    const aborts = this.#aborted(wasAborted);
    if (aborts > 0) this.#add(wasAborted ? "same" : "fault", aborts, wentTo, this.#abortStatus());
    const rest = 1 - aborts;
    if (rest <= 0) return this.#ends;
    if (wasAborted) this.#add("recovered", rest, undefined, "no fault injected");
    else this.#forward(rest);
    return this.#ends;
  }

  /** Chance that the rule's fault ends it. */
  #aborted(wasAborted: boolean): number {
    return shifted(
      wasAborted,
      requestFault(this.#was)?.abort?.ratio ?? 0,
      requestFault(this.#next)?.abort?.ratio ?? 0,
    );
  }

  #abortStatus(): string | undefined {
    const abort = requestFault(this.#next)?.abort;
    if (abort === undefined) return undefined;
    return "httpStatus" in abort ? String(abort.httpStatus) : `gRPC ${abort.grpcStatus}`;
  }

  #forward(ratio: number): void {
    const { wentTo } = this.#request;
    const { keyOf } = this.#parts;
    const after = sharesOf(this.#next, keyOf);
    const before = this.#was && sharesOf(this.#was, keyOf);
    const started = startsOf(wentTo, before);
    if (started === undefined) {
      for (const [to, share] of after) this.#arrive(undefined, to, ratio * share);
      return;
    }
    for (const [from, chance] of started) {
      if (chance <= 0) continue;
      const coupled = coupleShares(from, before ?? new Map(), after);
      for (const [to, share] of coupled) this.#arrive(from, to, ratio * chance * share);
    }
  }

  /** It came to one destination: who lets it in, how long it may take, and what it has become. */
  #arrive(from: string | undefined, to: string, ratio: number): void {
    if (ratio <= 0) return;
    this.#from = from;
    const request = this.#request;
    const isMoved = from !== to;
    if (isMoved && !this.#parts.hasEndpoints(to)) {
      this.#add("no-endpoints", ratio, to);
      return;
    }
    const path = this.#next.rewritePath?.(request.path) ?? request.path;
    const said = this.#parts.authorize(to, request, path);
    if (typeof said === "object") {
      this.#add("unknown", ratio, to, said.asks);
      return;
    }
    if (said === "denied" || said === "recovered") {
      this.#add(said, ratio, to, said === "recovered" ? "let in" : undefined);
      return;
    }
    this.#spend(from, to, ratio, path);
  }

  #spend(from: string | undefined, to: string, ratio: number, path: string): void {
    const { flags, durationMs } = this.#request;
    const limitMs = this.#next.route.timeoutMs;
    const wasMs = this.#was?.route.timeoutMs;
    if (hasFlag(flags, "UT")) {
      const hasMore = limitMs !== wasMs && (limitMs ?? Infinity) > (wasMs ?? Infinity);
      const detail = limitMs === undefined ? "no timeout" : String(limitMs);
      if (hasMore || (wasMs !== undefined && limitMs === undefined)) {
        this.#add("recovered", ratio, to, `timeout ${detail}`);
      } else this.#pass(from, to, ratio, path);
      return;
    }
    const wasDelayed = hasFlag(flags, "DI");
    const oldDelay = requestFault(this.#was)?.delay;
    const newDelay = requestFault(this.#next)?.delay;
    const delayed = shifted(wasDelayed, oldDelay?.ratio ?? 0, newDelay?.ratio ?? 0);
    const bareMs = wasDelayed ? Math.max(0, durationMs - (oldDelay?.delayMs ?? 0)) : durationMs;
    const isShorter = limitMs !== undefined && (wasMs === undefined || limitMs < wasMs);
    const above = (extraMs: number): number => {
      if (limitMs === undefined) return 0;
      if (from !== to)
        return (
          this.#parts.shareAbove(to, limitMs - extraMs) ?? (bareMs + extraMs > limitMs ? 1 : 0)
        );
      return (isShorter || extraMs > 0) && bareMs + extraMs > limitMs ? 1 : 0;
    };
    const delayMs = newDelay?.delayMs ?? 0;
    const late = delayed * above(delayMs) + (1 - delayed) * above(0);
    if (late > 0) this.#add("timed-out", ratio * late, to, String(limitMs));
    const inTimeDelayed = delayed * (1 - above(delayMs));
    const inTime = (1 - delayed) * (1 - above(0));
    const isNewDelay = !wasDelayed || oldDelay?.delayMs !== delayMs;
    if (inTimeDelayed > 0 && isNewDelay) {
      this.#add("delayed", ratio * inTimeDelayed, to, String(delayMs));
    } else if (inTimeDelayed > 0) this.#pass(from, to, ratio * inTimeDelayed, path);
    if (inTime > 0 && wasDelayed) this.#add("recovered", ratio * inTime, to, "not delayed");
    else if (inTime > 0) this.#pass(from, to, ratio * inTime, path);
  }

  #pass(from: string | undefined, to: string, ratio: number, path: string): void {
    if (from !== to) {
      this.#add("moved", ratio, to);
      return;
    }
    const { path: asked } = this.#request;
    const wasPath = this.#was?.rewritePath?.(asked) ?? asked;
    const host = this.#hostOf(this.#next, to);
    const isSame = path === wasPath && host === this.#hostOf(this.#was, to);
    const { retries } = this.#next.route;
    const tries = isSame
      ? foreseeRetries(this.#request, this.#was?.route.retries, retries)
      : undefined;
    if (tries !== undefined) this.#add(tries, ratio, to, String(retries?.attempts ?? ""));
    else if (isSame) this.#add("same", ratio, to);
    else this.#add("rewritten", ratio, to, path === wasPath ? `host ${host ?? "as asked"}` : path);
  }

  #hostOf(route: CompiledRoute | undefined, key: string): string | undefined {
    const { keyOf } = this.#parts;
    return route?.destinations.find(({ destination }) => keyOf(destination) === key)?.authority;
  }

  #add(kind: SimulatedEnd["kind"], ratio: number, to?: string, detail?: string): void {
    this.#ends.push({ kind, ratio, from: this.#from, to, detail });
  }
}

/** Shares by destination; what a route lists twice adds up. */
function sharesOf({ route }: CompiledRoute, keyOf: SimulationParts["keyOf"]): Shares {
  const { destinations } = route;
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  const shares = new Map<string, number>();
  for (const destination of destinations) {
    const share = destinations.length === 1 ? 1 : destination.weight / total;
    const key = keyOf(destination);
    shares.set(key, (shares.get(key) ?? 0) + share);
  }
  return shares;
}

/**
 * Where it went; where nothing tells, or only rules older than those in force sent it there, wherever these send it.
 * `undefined`: they send it nowhere.
 */
function startsOf(wentTo: string | undefined, before: Shares | undefined): Shares | undefined {
  if (before === undefined || before.size === 0) return undefined;
  return wentTo !== undefined && (before.get(wentTo) ?? 0) > 0 ? new Map([[wentTo, 1]]) : before;
}

/** The chance of what had the share `before` and has the share `after`, given whether it happened. */
function shifted(happened: boolean, before: number, after: number): number {
  if (happened) return before > 0 ? Math.min(1, after / before) : after;
  return before < 1 ? Math.max(0, (after - before) / (1 - before)) : 0;
}

function requestFault(route: CompiledRoute | undefined): FaultInjection | undefined {
  const fault = route?.route.fault;
  return fault?.scope === "request" ? fault : undefined;
}

function hasFlag(flags: string, flag: string): boolean {
  return flags.split(",").includes(flag);
}
