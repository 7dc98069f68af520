import type { ServiceId } from "../identity/workload-id.ts";
import type { CorsPolicy } from "./cors-policy.ts";
import type { FaultInjection } from "./fault-injection.ts";
import type { HeaderOperations } from "./header-operations.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import type { StringMatch } from "./string-match.ts";

/**
 * Conditions of one match block (Istio's HTTPMatchRequest) are ANDed; a condition left out always
 * holds. Header names are lower-case.
 */
export type RouteMatch = {
  readonly name?: string | undefined;
  /** On the path alone, without the query string. */
  readonly uri?: StringMatch | undefined;
  /** For `exact` and `prefix` of `uri` alone; a regular expression says `(?i)` itself. */
  readonly ignoreUriCase?: boolean | undefined;
  readonly scheme?: StringMatch | undefined;
  readonly method?: StringMatch | undefined;
  readonly authority?: StringMatch | undefined;
  readonly headers?: Readonly<Record<string, StringMatch>> | undefined;
  readonly withoutHeaders?: Readonly<Record<string, StringMatch>> | undefined;
  /** The first value of a repeated parameter counts. */
  readonly queryParams?: Readonly<Record<string, StringMatch>> | undefined;
  /** The service port the request names. */
  readonly port?: number | undefined;
  readonly source?: SourceSelector | undefined;
};

/** Workloads that call; a part left out always holds. */
export type SourceSelector = {
  readonly namespaces?: readonly string[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
};

/** Where a share of a route's requests goes; share = weight / sum of the route's weights. */
export type RouteDestination = {
  readonly service: ServiceId;
  /** `undefined`: all endpoints of the service. */
  readonly subset?: string | undefined;
  /** Service port; `undefined`: the one the request names, or the service's only one. */
  readonly port?: number | undefined;
  readonly weight: number;
  readonly headers?: HeaderOperations | undefined;
};

/**
 * One HTTP route of a VirtualService. `matches` empty: matches every request. Exactly one of
 * `destinations` (not empty), `redirect` and `directResponse` says what happens.
 */
export type Route = {
  readonly name: string;
  readonly matches: readonly RouteMatch[];
  readonly destinations: readonly RouteDestination[];
  readonly redirect?: Redirect | undefined;
  readonly directResponse?: DirectResponse | undefined;
  readonly rewrite?: Rewrite | undefined;
  /** Deadline over the whole exchange with all retries; `undefined`: none, Istio's default. */
  readonly timeoutMs?: number | undefined;
  /** `undefined`: the mesh's default policy. */
  readonly retries?: RetryPolicy | undefined;
  readonly fault?: FaultInjection | undefined;
  readonly mirrors?: readonly Mirror[] | undefined;
  readonly cors?: CorsPolicy | undefined;
  readonly headers?: HeaderOperations | undefined;
};

/** HTTPRewrite; `uri` replaces the matched prefix, or the whole path after an exact or regex match. */
export type Rewrite = {
  readonly uri?: string | undefined;
  readonly uriRegex?: { readonly match: string; readonly rewrite: string } | undefined;
  readonly authority?: string | undefined;
};

/** HTTPRedirect; parts left out are the request's own. */
export type Redirect = {
  readonly uri?: string | undefined;
  readonly prefixRewrite?: string | undefined;
  readonly authority?: string | undefined;
  readonly scheme?: "http" | "https" | undefined;
  readonly port?: number | "FROM_PROTOCOL_DEFAULT" | "FROM_REQUEST_PORT" | undefined;
  readonly status: 301 | 302 | 303 | 307 | 308;
};

/** HTTPDirectResponse. `body` as it is sent: text, or bytes in base64. */
export type DirectResponse = {
  readonly status: number;
  readonly body?: { readonly text: string } | { readonly base64: string } | undefined;
};

/** A copy of a share of the requests, sent and forgotten. */
export type Mirror = {
  readonly destination: Omit<RouteDestination, "weight">;
  /** 0–1. */
  readonly ratio: number;
  /** Adds `-shadow` to the host (Envoy's default). */
  readonly marksHost: boolean;
};

/** One route of `tcp` or `tls`; the first that matches takes the connection. */
export type TcpRoute = {
  readonly name: string;
  readonly matches: readonly TcpMatch[];
  readonly destinations: readonly Pick<
    RouteDestination,
    "service" | "subset" | "port" | "weight"
  >[];
};

/** L4MatchAttributes and TLSMatchAttributes; `sniHosts` only for TLS (`*.example.com` matches below). */
export type TcpMatch = {
  readonly sniHosts?: readonly string[] | undefined;
  /** CIDR of the address asked for. */
  readonly destinationSubnets?: readonly string[] | undefined;
  readonly port?: number | undefined;
  readonly source?: SourceSelector | undefined;
};

/** A named part of a service's endpoints: those that carry all of `labels`. From a DestinationRule. */
export type Subset = { readonly name: string; readonly labels: Readonly<Record<string, string>> };

/** One address that serves a service. */
export type Endpoint = {
  readonly id: string;
  readonly workload: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** IP address or, for `DNS` resolution, a host name. */
  readonly address: string;
  /** Where the service's first port is served. */
  readonly port: number;
  /** Where further service ports are served, by service port number. */
  readonly ports?: Readonly<Record<string, number>> | undefined;
  /** The SPIFFE id to demand of the server; `undefined`: no sidecar there, plaintext. */
  readonly identity: string | undefined;
  /** `region/zone/subzone`, parts from the left; `undefined`: unknown. */
  readonly locality?: string | undefined;
  /** Relative load-balancing weight; 1 when left out. */
  readonly weight?: number | undefined;
  /** Epoch ms at which it began to serve, for warm-up; `undefined`: long ago. */
  readonly servesSinceMs?: number | undefined;
  /** Keys of `ports` (without `ports`: any) at which no TLS ends, whatever `identity` says (mode DISABLE). */
  readonly plaintextPorts?: readonly number[] | undefined;
};

/** One port of a service. `auto`: not declared, found out at the first connection and remembered. */
export type ServicePort = {
  readonly number: number;
  readonly name?: string | undefined;
  readonly protocol: PortProtocol;
};
export type PortProtocol = "http" | "http2" | "grpc" | "tcp" | "tls" | "auto";
