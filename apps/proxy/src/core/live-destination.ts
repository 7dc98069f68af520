import {
  Balancer,
  compilePoolLimits,
  type Endpoint,
  type EndpointStanding,
  emptyUsage,
  type HashKey,
  type Origin,
  type Outcome,
  type PoolLimits,
  RetryBudgetLedger,
  type ServiceId,
  type TrafficPolicy,
  type WorkloadId,
} from "@heddle/mesh";
import type { KeyedEndpoint } from "./endpoint-sets.ts";
import type {
  DestinationView,
  DestinationWorkload,
  EndpointRetry,
  LiveEndpoint,
} from "./mesh-view.ts";

/** A limit that has refused requests counts as open this long after the last. */
const OPEN_MS = 5_000;
/** Addresses remembered of a destination whose endpoint is whatever the caller asks for. */
const MAX_ORIGINALS = 1_024;

type MutableEndpoint = { -readonly [Key in keyof LiveEndpoint]: LiveEndpoint[Key] };

/** What a push says of a destination. */
export type DestinationState = {
  readonly fqdn: string;
  readonly isKnown: boolean;
  readonly isExternal: boolean;
  readonly httpVersion: 1 | 2 | undefined;
  readonly isOriginal: boolean;
  readonly policy: TrafficPolicy;
  readonly endpoints: readonly KeyedEndpoint[];
};

/**
 * A destination through all pushes: as long as some route names it, it is the same object, and an
 * endpoint that stays in it is the same object too, so that counters and ejections outlive a push.
 */
export class LiveDestination implements DestinationView {
  readonly service: ServiceId;
  readonly subset: string | undefined;
  readonly port: number | undefined;
  fqdn = "";
  isKnown = false;
  isExternal = false;
  httpVersion: 1 | 2 | undefined;
  isOriginal = false;
  policy: TrafficPolicy = {};
  endpoints: readonly LiveEndpoint[] = [];
  hashKey: HashKey | undefined;
  learns = false;
  limits: PoolLimits | undefined;
  readonly usage = emptyUsage();
  readonly retryLedger = new RetryBudgetLedger();
  /** Hosted workloads whose requests have met failures here. */
  readonly sources = new Map<string, WorkloadId>();
  #overflow: { readonly reason: string; readonly sinceMs: number } | undefined;
  #overflowAtMs = Number.NEGATIVE_INFINITY;
  readonly #origin: Origin;
  readonly #balancer: Balancer<LiveEndpoint>;
  readonly #workloadOf: (endpoint: Endpoint) => DestinationWorkload;
  #live = new Map<string, MutableEndpoint>();
  #connectKey = "";

  constructor(
    at: Pick<DestinationView, "service" | "subset" | "port">,
    parts: {
      readonly workloadOf: (endpoint: Endpoint) => DestinationWorkload;
      /** Where the callers stand. */
      readonly origin: Origin;
      /** The random start of turns. */
      readonly draw: number;
    },
  ) {
    this.service = at.service;
    this.subset = at.subset;
    this.port = at.port;
    this.#workloadOf = parts.workloadOf;
    this.#origin = parts.origin;
    this.#balancer = new Balancer(parts.draw);
  }

  update(state: DestinationState, nowMs: number): void {
    this.fqdn = state.fqdn;
    this.isKnown = state.isKnown;
    this.isExternal = state.isExternal;
    this.httpVersion = state.httpVersion;
    this.isOriginal = state.isOriginal;
    this.#takePolicy(state.policy);
    const connectKey = this.#connectKeyOf(state.policy);
    if (connectKey !== this.#connectKey) {
      this.#connectKey = connectKey;
      for (const live of this.#live.values()) live.poolKey = this.#poolKey(live);
    }
    if (!state.isOriginal) this.#takeEndpoints(state.endpoints);
    this.#balancer.update(this.endpoints, this.policy, this.#origin, nowMs);
    this.hashKey = this.#balancer.hashKey;
  }

  /** A policy that says the same stays the same object: then the balancer has nothing to do. */
  #takePolicy(policy: TrafficPolicy): void {
    if (JSON.stringify(policy) === JSON.stringify(this.policy)) return;
    this.policy = policy;
    const { connectionPool, loadBalancer, outlierDetection } = policy;
    this.limits = connectionPool && compilePoolLimits(connectionPool);
    this.learns = outlierDetection !== undefined || loadBalancer?.algorithm.kind === "peak-ewma";
  }

  #takeEndpoints(endpoints: readonly KeyedEndpoint[]): void {
    const before = this.#live;
    this.#live = new Map(
      endpoints.map(({ key, endpoint }) => [key, before.get(key) ?? this.#toLive(endpoint)]),
    );
    const isSame =
      this.#live.size === before.size && [...this.#live.keys()].every((key) => before.has(key));
    if (!isSame || this.endpoints.length !== this.#live.size) {
      this.endpoints = [...this.#live.values()];
    }
  }

  pick(
    firstDraw: number,
    secondDraw: number,
    nowMs: number,
    hash?: number,
    retry?: EndpointRetry,
  ): LiveEndpoint | undefined {
    return this.#balancer.pick(firstDraw, secondDraw, nowMs, hash, retry);
  }

  onOutcome(
    live: LiveEndpoint,
    outcome: Outcome,
    latencyMs: number,
    retryAfterMs: number,
    source: WorkloadId,
  ): void {
    const ejection = this.#balancer.onOutcome(live, outcome, latencyMs, Date.now(), retryAfterMs);
    if (ejection !== undefined) this.#noteSource(source);
  }

  noteOverflow(reason: string, source: WorkloadId): void {
    const nowMs = Date.now();
    const isNew = this.recentOverflow(nowMs)?.reason !== reason;
    this.#overflow = { reason, sinceMs: isNew ? nowMs : (this.#overflow?.sinceMs ?? nowMs) };
    this.#overflowAtMs = nowMs;
    this.#noteSource(source);
  }

  noteUnreachable(live: LiveEndpoint, reason: string, source: WorkloadId): void {
    live.unreachable ??= { sinceMs: Date.now(), reason };
    this.#noteSource(source);
  }

  #noteSource(source: WorkloadId): void {
    this.sources.set(`${source.namespace}/${source.name}`, source);
  }

  /** The limit that has refused requests within the last seconds. */
  recentOverflow(nowMs: number): { readonly reason: string; readonly sinceMs: number } | undefined {
    return nowMs - this.#overflowAtMs < OPEN_MS ? this.#overflow : undefined;
  }

  explain(nowMs: number): readonly EndpointStanding<LiveEndpoint>[] {
    return this.#balancer.explain(nowMs);
  }

  endpointAt(host: string, port: number): LiveEndpoint {
    const key = `${host}:${port}`;
    const known = this.#live.get(key);
    if (known !== undefined) return known;
    if (this.#live.size >= MAX_ORIGINALS) this.#forgetIdleOriginal();
    const { service } = this;
    const live = this.#toLive({
      id: key,
      workload: "unknown",
      namespace: service.namespace,
      labels: {},
      address: host,
      port,
      identity: undefined,
    });
    this.#live.set(key, live);
    this.endpoints = [...this.#live.values()];
    this.#balancer.update(this.endpoints, this.policy, this.#origin, Date.now());
    return live;
  }

  #forgetIdleOriginal(): void {
    for (const [key, { activeRequests }] of this.#live) {
      if (activeRequests > 0) continue;
      this.#live.delete(key);
      return;
    }
  }

  #toLive(endpoint: Endpoint): MutableEndpoint {
    const port =
      (this.port === undefined ? undefined : endpoint.ports?.[this.port]) ?? endpoint.port;
    const live = {
      endpoint,
      port,
      isPlaintext: isPlaintextAt(endpoint, port),
      poolKey: "",
      workload: this.#workloadOf(endpoint),
      activeRequests: 0,
      unreachable: undefined,
    };
    live.poolKey = this.#poolKey(live);
    return live;
  }

  #poolKey({ endpoint, port, isPlaintext }: Omit<MutableEndpoint, "poolKey">): string {
    const who = isPlaintext ? "plaintext" : (endpoint.identity ?? "");
    return `${endpoint.address}|${port}|${who}${this.#connectKey}`;
  }

  /** Where a rule says how to connect, connections made otherwise, or for others, cannot serve. */
  #connectKeyOf({ tls, connectionPool }: TrafficPolicy): string {
    if (tls === undefined && connectionPool === undefined) return "";
    const { namespace, name } = this.service;
    const whose = connectionPool && [namespace, name, this.subset, this.port];
    return `|${JSON.stringify([tls, connectionPool, whose])}`;
  }
}

/** Whether who is met at the port ends no TLS, though it may have an identity. */
function isPlaintextAt({ plaintextPorts, ports, port: only }: Endpoint, port: number): boolean {
  return plaintextPorts?.some((key) => (ports?.[key] ?? only) === port) ?? false;
}
