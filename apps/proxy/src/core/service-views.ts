import type { ServiceRules } from "@heddle/contracts/control-stream";
import {
  type CompiledRetry,
  type CompiledRoute,
  compileRetry,
  compileRoutes,
  compileTcpRoutes,
  DEFAULT_RETRY_POLICY,
  nextEvenDraw,
  pickDestination,
  type RouteDestination,
  type Split,
  serviceFqdn,
} from "@heddle/mesh";
import type { Caller, DestinationView, RouteView, ServiceView, TcpRouteView } from "./mesh-view.ts";
import { type CheckedService, findPort, isBypassed, ruleSetFor, rulesOf } from "./service-rules.ts";

export type Target = Pick<RouteDestination, "service" | "subset" | "port">;
type ToDestination = (target: Target) => DestinationView;

/** How views are made: the destinations they lead to are shared, the draws are each one's own. */
export type ViewParts = {
  readonly toDestination: (
    target: Target,
    caller: Caller,
    port: number | undefined,
  ) => DestinationView;
  /** Gives each split its random start. */
  readonly draw: () => number;
};

/**
 * Where the splits of a view are in their sequences, by kind and place of the route. A view that is made
 * again goes on there: begun anew at each push, shares would be drawn by chance (decision 15).
 */
export type SplitPlaces = Map<string, { draw: number }>;

/** A service as one caller's rules see it, for the port its host named (`asked`). */
export function makeServiceView(
  service: CheckedService,
  caller: Caller,
  asked: number | undefined,
  parts: ViewParts,
  places: SplitPlaces,
): ServiceView {
  const { resource } = service;
  const ruleSet = ruleSetFor(service, caller, Date.now());
  const { rules } = rulesOf(service, ruleSet);
  const { port, problem } = findPort(service, asked);
  const toDestination = (target: Target) => parts.toDestination(target, caller, port?.number);
  const routes = compileRoutes(rules.routes, caller);
  const placeOf = (kind: string, index: number) => {
    const key = `${kind} ${index}`;
    const place = places.get(key) ?? { draw: parts.draw() };
    places.set(key, place);
    return place;
  };
  const toTcpRoutes = (kind: string, list: ServiceRules["tcpRoutes"]) =>
    compileTcpRoutes(list ?? [], caller).map(({ route, matches, split }, index): TcpRouteView => {
      const destinations = route.destinations.map(toDestination);
      const nextDestination = spread(split, destinations, placeOf(kind, index));
      return { name: route.name, matches, destinations, nextDestination };
    });
  return {
    service: resource.service,
    fqdn: resource.host ?? serviceFqdn(resource.service),
    isExternal: resource.isExternal === true,
    port,
    portProblem: problem,
    isBypassed: isBypassed(ruleSet),
    revision: resource.revision,
    routes: routes.map((route, index) => toRouteView(route, toDestination, placeOf("http", index))),
    matchedHeaders: matchedHeadersOf(routes),
    tcpRoutes: toTcpRoutes("tcp", rules.tcpRoutes),
    tlsRoutes: toTcpRoutes("tls", rules.tlsRoutes),
    itself: toDestination({ service: resource.service }),
  };
}

function matchedHeadersOf(routes: readonly CompiledRoute[]): readonly string[] {
  const names = routes.flatMap(({ match }) => [
    ...Object.keys(match?.headers ?? {}),
    ...Object.keys(match?.withoutHeaders ?? {}),
  ]);
  return [...new Set(names)];
}

function toRouteView(
  compiled: CompiledRoute,
  toDestination: ToDestination,
  place: { draw: number },
): RouteView {
  const { route, split } = compiled;
  const targets = compiled.destinations.map((one) => ({
    ...one,
    destination: toDestination(one.destination),
  }));
  const mirrors = (route.mirrors ?? []).map(({ destination, ratio, marksHost }) => ({
    destination: toDestination(destination),
    ratio,
    marksHost,
  }));
  const retry = compileRetry(route.retries ?? DEFAULT_RETRY_POLICY);
  return {
    ...compiled,
    isPlain: isPlain(compiled),
    timeoutMs: route.timeoutMs,
    retry,
    looksAtEveryAnswer: looksAtEveryAnswer(retry),
    targets,
    mirrors,
    nextTarget: spread(split, targets, place),
  };
}

function spread<T>(split: Split, targets: readonly T[], place: { draw: number }): () => T {
  const [only] = targets;
  if (targets.length === 1 && only !== undefined) return () => only;
  return () => {
    place.draw = nextEvenDraw(place.draw);
    return targets[pickDestination(split, place.draw)] as T;
  };
}

/** Every destination a view may lead to. */
export function destinationsOf(view: ServiceView): DestinationView[] {
  const opaque = [...view.tcpRoutes, ...view.tlsRoutes];
  return [
    view.itself,
    ...view.routes.flatMap(({ targets, mirrors }) =>
      [...targets, ...mirrors].map(({ destination }) => destination),
    ),
    ...opaque.flatMap(({ destinations }) => destinations),
  ];
}

/** gRPC's failures apart, which have a field of their own. */
export function looksAtEveryAnswer({ policy, headerNames }: CompiledRetry): boolean {
  const { conditions, statusCodes } = policy;
  return (
    headerNames.length > 0 ||
    statusCodes.some((status) => status < 400) ||
    conditions.includes("envoy-ratelimited")
  );
}

function isPlain({ route, destinations }: CompiledRoute): boolean {
  const { redirect, directResponse, rewrite, fault, mirrors, cors } = route;
  const actions = [redirect, directResponse, rewrite, fault, cors, mirrors?.[0]];
  return (
    actions.every((action) => action === undefined) &&
    destinations.every(
      (one) =>
        one.authority === undefined &&
        one.requestHeaders === undefined &&
        one.responseHeaders === undefined,
    )
  );
}
