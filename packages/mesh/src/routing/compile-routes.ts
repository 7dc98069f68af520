import type { RequestFacts } from "./request-facts.ts";
import type { Route, RouteMatch } from "./route.ts";
import { compileSplit, type Split } from "./split.ts";
import type { StringMatch } from "./string-match.ts";

type Matcher = (request: RequestFacts) => boolean;

/** A route made ready for many requests: its conditions and its split are worked out once. */
export type CompiledRoute = {
  readonly route: Route;
  readonly matches: (request: RequestFacts) => boolean;
  readonly split: Split;
};

/** Compiles routes in list order. Throws `InvalidSplitError` for a split whose weights are all 0. */
export function compileRoutes(routes: readonly Route[]): readonly CompiledRoute[] {
  return routes.map((route) => ({
    route,
    matches: compileRouteMatches(route.matches),
    split: compileSplit(route),
  }));
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

/** Match blocks are ORed; a route without any takes every request. */
function compileRouteMatches(blocks: readonly RouteMatch[]): Matcher {
  if (blocks.length === 0) return () => true;
  const matchers = blocks.map((block) => allOf(conditionsOf(block)));
  const [only] = matchers;
  if (matchers.length === 1 && only) return only;
  return (request) => {
    for (let index = 0; index < matchers.length; index++) {
      if ((matchers[index] as Matcher)(request)) return true;
    }
    return false;
  };
}

function allOf(conditions: readonly Matcher[]): Matcher {
  const [first, second] = conditions;
  if (!first) return () => true;
  if (!second) return first;
  return (request) => {
    for (let index = 0; index < conditions.length; index++) {
      if (!(conditions[index] as Matcher)(request)) return false;
    }
    return true;
  };
}

/** Cheap conditions first; the order does not change the answer. */
function conditionsOf(match: RouteMatch): Matcher[] {
  const { uri, method, authority } = match;
  const conditions: Matcher[] = [];
  if (method) {
    const holds = compileText(method);
    conditions.push((request) => holds(request.method));
  }
  if (uri) conditions.push(compilePath(uri, match.ignoreUriCase === true));
  if (authority) {
    const holds = compileText(authority);
    conditions.push((request) => holds(request.authority));
  }
  for (const [name, text] of Object.entries(match.headers ?? {})) {
    const holds = compileHeader(text);
    conditions.push((request) => holds(request.header(name)));
  }
  for (const [name, text] of Object.entries(match.withoutHeaders ?? {})) {
    conditions.push(compileWithoutHeader(name, text));
  }
  return conditions;
}

function compilePath(uri: StringMatch, ignoreCase: boolean): Matcher {
  if (uri.kind === "present") return () => true;
  if (!ignoreCase) {
    const holds = compileText(uri);
    return (request) => holds(request.path);
  }
  const holds = compileText({ kind: uri.kind, value: uri.value.toLowerCase() });
  return (request) => holds(request.path.toLowerCase());
}

function compileHeader(text: StringMatch): (value: string | undefined) => boolean {
  const holds = compileText(text);
  return (value) => value !== undefined && holds(value);
}

/** Envoy's inverted match: a header that is not there counts as empty, unless its presence is asked. */
function compileWithoutHeader(name: string, text: StringMatch): Matcher {
  if (text.kind === "present") return (request) => request.header(name) === undefined;
  const holds = compileText(text);
  return (request) => !holds(request.header(name) ?? "");
}

function compileText(text: StringMatch): (value: string) => boolean {
  if (text.kind === "present") return () => true;
  const wanted = text.value;
  return text.kind === "exact" ? (value) => value === wanted : (value) => value.startsWith(wanted);
}
