import type {
  LeveledPolicy,
  Mirror,
  Route,
  RouteDestination,
  ServiceId,
  SubsetRule,
  TcpRoute,
} from "@heddle/mesh";
import type { HostRef, Labels, Named, Visibility } from "./document.ts";

/** A destination by the host its document names; `service` is what the host's form means (`HostRef`). */
export type HostDestination = RouteDestination & HostRef;

/** A route as written: hosts not yet looked up, a delegate not yet merged. */
export type DocumentRoute = Omit<Route, "destinations" | "mirrors"> & {
  /** Place in `spec.http`; routes for gateways alone are left out of the list, so it may have gaps. */
  readonly index: number;
  readonly destinations: readonly HostDestination[];
  readonly mirrors?:
    | readonly (Omit<Mirror, "destination"> & {
        readonly destination: Omit<HostDestination, "weight">;
      })[]
    | undefined;
  /** The VirtualService whose routes stand here. */
  readonly delegate?: { readonly namespace: string; readonly name: string } | undefined;
};

/** One entry of `spec.tcp` or `spec.tls`. */
export type DocumentTcpRoute = Omit<TcpRoute, "destinations"> & {
  readonly index: number;
  readonly destinations: readonly (TcpRoute["destinations"][number] & HostRef)[];
};

/** Routes of the hosts it names, in list order; the first that matches wins. */
export type VirtualService = Named<"VirtualService"> & {
  /** None: a delegate, which holds only where a root names it. */
  readonly hosts: readonly HostRef[];
  /** Of `hosts`, what each means by its form. */
  readonly services: readonly ServiceId[];
  /** Whether sidecars follow it: it names no gateways, or `mesh` among them. */
  readonly isForMesh: boolean;
  readonly visibleTo: Visibility;
  readonly routes: readonly DocumentRoute[];
  readonly tcpRoutes: readonly DocumentTcpRoute[];
  readonly tlsRoutes: readonly DocumentTcpRoute[];
};

/** Subsets of a service's endpoints and how they are to be treated. */
export type DestinationRule = Named<"DestinationRule"> &
  HostRef & {
    readonly visibleTo: Visibility;
    /** Callers it holds for; `undefined`: all. */
    readonly workloadSelector: Labels | undefined;
    readonly trafficPolicy: LeveledPolicy | undefined;
    readonly subsets: readonly SubsetRule[];
  };
