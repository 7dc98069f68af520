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
 * Header levels go from destination to route, as in Envoy. An authority may be set in several places:
 * with one destination the route's wins over the destination's, with several it is the other way round
 * (Istio). Throws `InvalidActionError`, `InvalidFormatError`.
 */
export function compileDestinations(route: Route): readonly CompiledDestination[] {
  const routes = route.headers;
  const ofRoute = route.rewrite?.authority ?? authorityOf(routes?.request);
  return route.destinations.map((destination) => {
    const { headers } = destination;
    const own = authorityOf(headers?.request);
    const authority = route.destinations.length === 1 ? (ofRoute ?? own) : (own ?? ofRoute);
    return {
      destination,
      authority: authority && checkVisible("rewrite.authority", authority),
      requestHeaders: compileHeaderChanges("request", [headers?.request, routes?.request]),
      responseHeaders: compileHeaderChanges("response", [headers?.response, routes?.response]),
    };
  });
}
