import type { Caller } from "./caller.ts";
import { type CompiledDestination, compileDestinations } from "./compile-destinations.ts";
import { type CompiledCors, compileCors } from "./cors.ts";
import { DEFAULT_RETRY_POLICY } from "./default-retry-policy.ts";
import { type CompiledDirectResponse, compileDirectResponse } from "./direct-response.ts";
import { type CompiledHeaderChanges, compileHeaderChanges } from "./header-changes.ts";
import { compileMatch, isCatchAll, type RequestTest } from "./match-request.ts";
import { type CompiledRedirect, compileRedirect } from "./redirect.ts";
import type { RequestFacts } from "./request-facts.ts";
import { type CompiledRetry, compileRetry } from "./retry.ts";
import { compilePathRewrite } from "./rewrite.ts";
import type { Route, RouteMatch } from "./route.ts";
import { compileSplit, type Split } from "./split.ts";

/**
 * One match block of a route made ready for many requests: what can be worked out once is. Each block
 * stands by itself, as in Envoy, since a rewrite depends on what has matched. What a route does not
 * ask for is `undefined`.
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
  /** As the route lists them; shared by its blocks. */
  readonly destinations: readonly CompiledDestination[];
  readonly redirect: CompiledRedirect | undefined;
  readonly directResponse: CompiledDirectResponse | undefined;
  /** The path to send for the path that came, query excluded. */
  readonly rewritePath: ((path: string) => string) | undefined;
  /** The route's own policy or the default one. */
  readonly retry: CompiledRetry;
  readonly cors: CompiledCors | undefined;
  /** Of the route alone: for answers that no destination gives (redirect, direct response, fault). */
  readonly answerHeaders: CompiledHeaderChanges | undefined;
};

/**
 * Compiles routes in list order, up to the first that takes every request: Istio does not even send
 * those behind it. With `caller`, conditions on the source are decided here, once. Throws
 * `InvalidSplitError`, `InvalidRegexError`, `InvalidActionError` or `InvalidFormatError`.
 */
export function compileRoutes(routes: readonly Route[], caller?: Caller): readonly CompiledRoute[] {
  const compiled: CompiledRoute[] = [];
  for (const route of routes) {
    const shared = compileShared(route);
    for (const match of blocksOf(route)) {
      const test = match === undefined ? "always" : compileMatch(match, caller);
      if (test === "never") continue;
      compiled.push({ ...shared, ...compileBlock(route, match, test) });
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

type Shared =
  | "route"
  | "split"
  | "destinations"
  | "directResponse"
  | "retry"
  | "cors"
  | "answerHeaders";

function compileShared(route: Route): Pick<CompiledRoute, Shared> {
  const { cors, directResponse, headers, redirect } = route;
  const isAnsweredHere = redirect !== undefined || directResponse !== undefined;
  return {
    route,
    split: isAnsweredHere ? { upperEnds: new Float64Array(0) } : compileSplit(route),
    destinations: compileDestinations(route),
    directResponse: directResponse && compileDirectResponse(directResponse),
    retry: compileRetry(route.retries ?? DEFAULT_RETRY_POLICY),
    cors: cors && compileCors(cors),
    answerHeaders: compileHeaderChanges("response", [[headers?.response]]),
  };
}

function compileBlock(
  route: Route,
  match: RouteMatch | undefined,
  test: RequestTest | "always",
): Omit<CompiledRoute, Shared> {
  const { redirect, rewrite } = route;
  return {
    match,
    name: match?.name === undefined ? route.name : `${route.name}.${match.name}`,
    matches: test === "always" ? () => true : test,
    redirect: redirect && compileRedirect(redirect, match),
    rewritePath: rewrite && compilePathRewrite(rewrite, match),
  };
}
