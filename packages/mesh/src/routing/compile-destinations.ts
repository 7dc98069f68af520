import { authorityOf, type CompiledHeaderChanges, compileHeaderChanges } from "./header-changes.ts";
import { checkVisible } from "./rewrite.ts";
import type { Route, RouteDestination } from "./route.ts";

/** One destination of a route with what is done to requests that go there, route's part included. */
export type CompiledDestination = {
  readonly destination: RouteDestination;
  /** The authority to send; `undefined`: the one that came. */
  readonly authority: string | undefined;
  readonly requestHeaders: CompiledHeaderChanges | undefined;
  readonly responseHeaders: CompiledHeaderChanges | undefined;
};

/**
 * Header operations as Istio hands them to Envoy: with one destination its own join the route's level
 * and come last there; with several, each destination's level comes before the route's. An authority
 * may be set in several places: with one destination the route's wins over the destination's, with
 * several it is the other way round. Throws `InvalidActionError`, `InvalidFormatError`.
 */
export function compileDestinations(route: Route): readonly CompiledDestination[] {
  const ofRoute = route.rewrite?.authority ?? authorityOf(route.headers?.request);
  const isOnly = route.destinations.length === 1;
  return route.destinations.map((destination) => {
    const own = authorityOf(destination.headers?.request);
    const authority = isOnly ? (ofRoute ?? own) : (own ?? ofRoute);
    const compile = (direction: "request" | "response") => {
      const inner = destination.headers?.[direction];
      const outer = route.headers?.[direction];
      return compileHeaderChanges(direction, isOnly ? [[outer, inner]] : [[inner], [outer]]);
    };
    return {
      destination,
      authority: authority && checkVisible("rewrite.authority", authority),
      requestHeaders: compile("request"),
      responseHeaders: compile("response"),
    };
  });
}
