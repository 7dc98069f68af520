import type { CompiledRoute, Endpoint, ServiceId } from "@heddle/mesh";

/**
 * What the data path knows of the mesh. Everything here is read in memory and changes between two
 * requests, never during one tick: a push is applied as a whole or not at all.
 */
export interface MeshView {
  /**
   * What `host` (a Host header, with or without port) means in `namespace`. Sync and free of
   * allocation for a host seen before. "none": no service of that name, so the host lies outside the
   * mesh. "unknown": first use, the control plane has been asked; see `whenResolved`.
   */
  resolve(namespace: string, host: string): Resolution;
  /**
   * Waits for the answer to a first use, half a second at most (50 ms without a control plane).
   * "unknown" then means that it is slow or away: the request may be passed on by DNS or refused, as
   * the policy says.
   */
  whenResolved(namespace: string, host: string): Promise<Resolution>;
  readonly outboundTrafficPolicy: OutboundTrafficPolicy;
  /**
   * Grows with every applied push. The ack of a push promises that later sends follow its routes, so
   * who waited (for a connection, say) between choosing a destination and sending compares it and, if
   * it has changed, chooses again.
   */
  readonly generation: number;
}

export type OutboundTrafficPolicy = "ALLOW_ANY" | "REGISTRY_ONLY";
export type Resolution = ServiceView | "none" | "unknown";

/** One service as this proxy's rules see it. Hold it for one request; the next may get another. */
export type ServiceView = {
  readonly service: ServiceId;
  readonly fqdn: string;
  /** The revision that last shaped the routes; 0: defaults only. */
  readonly revision: number;
  /** In list order, for `findRoute`. */
  readonly routes: readonly RouteView[];
};

export type RouteView = {
  readonly name: string;
  matches: CompiledRoute["matches"];
  readonly timeoutMs: number | undefined;
  readonly destinations: readonly DestinationView[];
  /** The destination of the next request, by weight, spread evenly (decision 15). */
  nextDestination(): DestinationView;
};

/** A service, or a subset of it, and its live endpoints: read `endpoints` for each pick. */
export type DestinationView = {
  readonly service: ServiceId;
  readonly fqdn: string;
  readonly subset: string | undefined;
  /** False: the rule names a subset or a service that does not exist (503, flag NC). */
  readonly isKnown: boolean;
  /** Empty and known: nobody serves it (503, flag UH). */
  readonly endpoints: readonly LiveEndpoint[];
};

/** One address with what this proxy is doing to it. The same object as long as the endpoint lives. */
export type LiveEndpoint = {
  readonly endpoint: Endpoint;
  /** Address, port and identity: connections of equal keys are interchangeable. */
  readonly poolKey: string;
  readonly workload: DestinationWorkload;
  /** The data path adds one when it sends a request and takes it off when the exchange ends. */
  activeRequests: number;
};

/** A workload behind a service; shared by its endpoints. */
export type DestinationWorkload = {
  readonly namespace: string;
  readonly name: string;
  readonly service: ServiceId;
  /** `latest` when the workload has no version. */
  readonly version: string;
  /** Epoch ms; the data path sets it to `Date.now()` right before it sends a request there. 0: never. */
  lastSendAtMs: number;
};
