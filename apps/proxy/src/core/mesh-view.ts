import type {
  CompiledDestination,
  CompiledRetry,
  CompiledRoute,
  CompiledTcpRoute,
  Endpoint,
  EndpointStanding,
  HashKey,
  Caller as MeshCaller,
  Mirror,
  Outcome,
  PoolLimits,
  PoolUsage,
  RetryBudgetLedger,
  ServiceId,
  ServicePort,
  TrafficPolicy,
  WorkloadId,
} from "@heddle/mesh";

/**
 * What the data path of one hosted workload knows of the mesh. Everything here is read in memory and
 * changes between two requests, never during one tick: a push is applied as a whole or not at all.
 */
export interface MeshView {
  /**
   * What `host` (a Host header, with or without port) means to this workload. Sync and free of
   * allocation for a host seen before. "none": no service of that name, so the host lies outside the
   * mesh. "unknown": first use, the control plane has been asked; see `whenResolved`.
   */
  resolve(host: string): Resolution;
  /**
   * Waits for the answer to a first use. "none": outside the mesh, or so it must be taken, since the
   * host could be and no answer came in time. "unknown": nobody but the mesh can mean this name, and
   * the control plane is slow or away: to pass it on would be to lose it.
   */
  whenResolved(host: string): Promise<Resolution>;
  readonly outboundTrafficPolicy: OutboundTrafficPolicy;
  readonly pathNormalization: PathNormalization;
  /**
   * Grows with every applied push. The ack of a push promises that later sends follow its routes, so
   * who waited (for a connection, say) between choosing a destination and sending compares it and, if
   * it has changed, chooses again.
   */
  readonly generation: number;
}

export type OutboundTrafficPolicy = "ALLOW_ANY" | "REGISTRY_ONLY";
export type PathNormalization = "NONE" | "BASE" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES";
export type Resolution = ServiceView | "none" | "unknown";

/** Who calls, and from where: what rules for some sources only look at. */
export type Caller = MeshCaller & {
  /** `region/zone/subzone`. */
  readonly locality?: string | undefined;
};

/** One port of a service as one caller's rules see it. Hold it for one request; the next may get another. */
export type ServiceView = {
  readonly service: ServiceId;
  /** The host that names it in metrics. */
  readonly fqdn: string;
  /** Of a ServiceEntry outside the mesh. */
  readonly isExternal: boolean;
  /** The declared port asked for; `undefined`: none is declared. */
  readonly port: ServicePort | undefined;
  /** Why no port could be found: the one asked for is none of several declared ones. */
  readonly portProblem: string | undefined;
  /** The caller is off the mesh's rules for now: straight to the endpoints. */
  readonly isBypassed: boolean;
  /** The revision that last shaped the routes; 0: defaults only. */
  readonly revision: number;
  /** In list order, for `findRoute`. */
  readonly routes: readonly RouteView[];
  /** The headers its routes look at, for spans: a preview of other rules has to know them. */
  readonly matchedHeaders: readonly string[];
  readonly tcpRoutes: readonly TcpRouteView[];
  readonly tlsRoutes: readonly TcpRouteView[];
  /** The service itself, for connections no TCP or TLS route takes where none is declared. */
  readonly itself: DestinationView;
};

/** One match block of a route, with its destinations as this proxy sees them. */
export type RouteView = Omit<CompiledRoute, "destinations"> & {
  /** It names destinations and nothing else but a timeout: the common case, which skips every other step. */
  readonly isPlain: boolean;
  readonly timeoutMs: number | undefined;
  readonly retry: CompiledRetry;
  /** Whether answers below 400 may be tried again too, so that each has to be looked at. */
  readonly looksAtEveryAnswer: boolean;
  readonly targets: readonly RouteTarget[];
  readonly mirrors: readonly MirrorView[];
  /** The destination of the next request, by weight, spread evenly (decision 15). */
  nextTarget(): RouteTarget;
};

/** A destination of a route, and what is done to the requests that go there. */
export type RouteTarget = Omit<CompiledDestination, "destination"> & {
  readonly destination: DestinationView;
};

/** Where copies of a share of the requests go. */
export type MirrorView = Pick<Mirror, "ratio" | "marksHost"> & {
  readonly destination: DestinationView;
};

/** One route of `tcp` or `tls`; its destination is drawn for each connection. */
export type TcpRouteView = {
  readonly name: string;
  matches: CompiledTcpRoute["matches"];
  readonly destinations: readonly DestinationView[];
  nextDestination(): DestinationView;
};

/** A service, or a subset of it, and its live endpoints: read `endpoints` for each pick. */
export type DestinationView = {
  readonly service: ServiceId;
  readonly fqdn: string;
  readonly subset: string | undefined;
  /** Service port; `undefined`: its only one. */
  readonly port: number | undefined;
  /** False: the rule names a subset or a service that does not exist (503, flag NC). */
  readonly isKnown: boolean;
  readonly isExternal: boolean;
  /** What its port is declared to speak, or a rule says to; `undefined`: not known. */
  readonly httpVersion: 1 | 2 | undefined;
  /** True: whoever the caller has asked for is the endpoint (`endpointAt`). */
  readonly isOriginal: boolean;
  /** What its DestinationRule says for this caller, subset and port. */
  readonly policy: TrafficPolicy;
  /** Empty and known: nobody serves it (503, flag UH). */
  readonly endpoints: readonly LiveEndpoint[];
  /** What of a request decides on its endpoint; `undefined`: nothing, do not look. */
  readonly hashKey: HashKey | undefined;
  /** Whether answers decide on later picks: `onOutcome` has to be told. */
  readonly learns: boolean;
  /** `undefined`: the rule sets none. */
  readonly limits: PoolLimits | undefined;
  /** What is under way to it from this whole process. */
  readonly usage: PoolUsage;
  /** Bounds what retries add to its traffic. */
  readonly retryLedger: RetryBudgetLedger;
  /**
   * The endpoint for a request, by two draws in [0, 1) and epoch ms; `undefined`: none can serve
   * (`explain` says why). `hash` is that of the request's key, `retry` where it has been.
   */
  pick(
    firstDraw: number,
    secondDraw: number,
    nowMs: number,
    hash?: number,
    retry?: EndpointRetry,
  ): LiveEndpoint | undefined;
  /** What became of one attempt of `source` (`namespace/name`); `latencyMs` until the head or the failure. */
  onOutcome(
    live: LiveEndpoint,
    outcome: Outcome,
    latencyMs: number,
    retryAfterMs: number,
    source: WorkloadId,
  ): void;
  /** A limit has refused a request of `source`. */
  noteOverflow(reason: string, source: WorkloadId): void;
  /** A connection to the endpoint could not be made for `source`. */
  noteUnreachable(live: LiveEndpoint, reason: string, source: WorkloadId): void;
  /** How each endpoint stands and why. */
  explain(nowMs: number): readonly EndpointStanding<LiveEndpoint>[];
  /** The endpoint for an address as the caller asked for it, where `isOriginal`. */
  endpointAt(host: string, port: number): LiveEndpoint;
};

/** Where a request has been already, and whether it may leave the locality. */
export type EndpointRetry = {
  readonly avoid: readonly LiveEndpoint[];
  readonly leavesLocality: boolean;
};

/** One address with what this proxy is doing to it. The same object as long as the endpoint lives. */
export type LiveEndpoint = {
  readonly endpoint: Endpoint;
  /** Where the destination's port is served. */
  readonly port: number;
  /** No TLS ends there (mode DISABLE), although a sidecar may stand before it. */
  readonly isPlaintext: boolean;
  /** Connections of equal keys are interchangeable: address, port, identity and how to connect. */
  readonly poolKey: string;
  readonly workload: DestinationWorkload;
  /** The data path adds one when it sends a request and takes it off when the exchange ends. */
  activeRequests: number;
  /** Set while connections fail, taken away by the next answer. */
  unreachable: { readonly sinceMs: number; readonly reason: string } | undefined;
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
