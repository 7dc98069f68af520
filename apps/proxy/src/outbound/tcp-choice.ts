import { type ConnectionFacts, findTcpRoute } from "@heddle/mesh";
import type { DestinationView, ServiceView } from "../core/mesh-view.ts";
import type { Flag } from "../transport/failure.ts";

/** Where an opaque connection goes, or why nowhere. */
export type TcpChoice =
  | { readonly destination: DestinationView; readonly route: string }
  | { readonly flag: Flag; readonly reason: string };

/**
 * The destination of one connection to a service. A TLS hello is held against the `tls` routes first;
 * where a service has none, and for everything else, the `tcp` routes decide; where it has none either,
 * the service itself is meant. A service with routes none of which matches refuses (NR).
 */
export function chooseTcp(view: ServiceView, facts: ConnectionFacts): TcpChoice {
  if (view.portProblem !== undefined) return { flag: "NR", reason: view.portProblem };
  const isTls = facts.sni !== undefined && view.tlsRoutes.length > 0;
  const routes = isTls ? view.tlsRoutes : view.tcpRoutes;
  if (routes.length === 0) return checkKnown(view.itself, "default");
  const route = findTcpRoute(routes, facts);
  if (route !== undefined) return checkKnown(route.nextDestination(), route.name);
  const what = isTls ? `TLS to ${facts.sni}` : `TCP to port ${facts.port ?? "(none named)"}`;
  return { flag: "NR", reason: `no route matches ${what}; ${routes.length} were tried` };
}

function checkKnown(destination: DestinationView, route: string): TcpChoice {
  if (destination.isKnown) return { destination, route };
  const { subset } = destination;
  const reason =
    subset === undefined
      ? "the rule names a service that does not exist"
      : `the rule names the subset "${subset}", which no DestinationRule defines`;
  return { flag: "NC", reason };
}
