import type { Route, RouteDestination, ServiceId, TcpRoute } from "@heddle/mesh";
import type { DocumentRoute, DocumentTcpRoute, HostDestination } from "@heddle/resources";
import type { HostIndex } from "./host-index.ts";

/** The way to every endpoint of a service, where no document routes it. */
export function defaultRoute(service: ServiceId): Route {
  return { name: "default", matches: [], destinations: [{ service: bare(service), weight: 1 }] };
}

/** A route as proxies take it: hosts looked up as callers of the rule's namespace mean them. */
export function toWireRoute(route: DocumentRoute, namespace: string, hosts: HostIndex): Route {
  const { index: _, delegate: __, destinations, mirrors, ...rest } = route;
  return {
    ...rest,
    destinations: destinations.map((one) => toDestination(one, namespace, hosts)),
    ...(mirrors === undefined
      ? {}
      : {
          mirrors: mirrors.map((mirror) => {
            const destination = { ...mirror.destination, weight: 0 };
            const { weight: ___, ...target } = toDestination(destination, namespace, hosts);
            return { ...mirror, destination: target };
          }),
        }),
  };
}

export function toWireTcpRoute(
  route: DocumentTcpRoute,
  namespace: string,
  hosts: HostIndex,
): TcpRoute {
  return {
    name: route.name,
    matches: route.matches,
    destinations: route.destinations.map((one) => toDestination(one, namespace, hosts)),
  };
}

function toDestination(
  { host, service, subset, port, weight, headers }: HostDestination,
  namespace: string,
  hosts: HostIndex,
): RouteDestination {
  return {
    service: bare(hosts.ofDestination({ host, service }, namespace)),
    ...(subset === undefined ? {} : { subset }),
    ...(port === undefined ? {} : { port }),
    weight,
    ...(headers === undefined ? {} : { headers }),
  };
}

function bare({ namespace, name }: ServiceId): ServiceId {
  return { namespace, name };
}
