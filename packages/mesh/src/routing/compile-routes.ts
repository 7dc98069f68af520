import type { Caller } from "./caller.ts";
import { compileMatch, isCatchAll, type RequestTest } from "./match-request.ts";
import type { RequestFacts } from "./request-facts.ts";
import type { Route, RouteMatch } from "./route.ts";
import { compileSplit, type Split } from "./split.ts";

/**
 * One match block of a route made ready for many requests: what can be worked out once is. Each block
 * stands by itself, as in Envoy, since a rewrite depends on what has matched.
 */
export type CompiledRoute = {
  readonly route: Route;
  /** `undefined`: the route has no match block and takes every request. */
  readonly match: RouteMatch | undefined;
  /** The route's name, and behind a dot the block's if it has one (Envoy's ROUTE_NAME). */
  readonly name: string;
  readonly matches: RequestTest;
  /** Shared by the route's blocks; empty for a redirect or a direct response. */
  readonly split: Split;
};

/**
 * Compiles routes in list order, up to the first that takes every request: Istio does not even send
 * those behind it. With `caller`, conditions on the source are decided here, once. Throws
 * `InvalidSplitError` for a split whose weights are all 0, `InvalidRegexError` for an expression.
 */
export function compileRoutes(routes: readonly Route[], caller?: Caller): readonly CompiledRoute[] {
  const compiled: CompiledRoute[] = [];
  for (const route of routes) {
    const split = compileRouteSplit(route);
    for (const match of blocksOf(route)) {
      const test = match === undefined ? "always" : compileMatch(match, caller);
      if (test === "never") continue;
      const matches = test === "always" ? () => true : test;
      compiled.push({ route, match, name: nameOf(route, match), matches, split });
      if (test === "always" || (match !== undefined && isCatchAll(match))) return compiled;
    }
  }
  return compiled;
}

/**
 * The first route in list order that matches, as in Istio's VirtualService: nothing is ranked by
 * specificity, and `prefix: /v2` matches `/v22`. `undefined`: no rule of this host matches (404, flag NR).
 */
export function findRoute<T extends Pick<CompiledRoute, "matches">>(
  routes: readonly T[],
  request: RequestFacts,
): T | undefined {
  for (let index = 0; index < routes.length; index++) {
    const route = routes[index] as T;
    if (route.matches(request)) return route;
  }
  return undefined;
}

function blocksOf(route: Route): readonly (RouteMatch | undefined)[] {
  return route.matches.length === 0 ? [undefined] : route.matches;
}

function nameOf(route: Route, match: RouteMatch | undefined): string {
  return match?.name === undefined ? route.name : `${route.name}.${match.name}`;
}

function compileRouteSplit(route: Route): Split {
  const isAnsweredHere = route.redirect !== undefined || route.directResponse !== undefined;
  return isAnsweredHere ? { upperEnds: new Float64Array(0) } : compileSplit(route);
}
