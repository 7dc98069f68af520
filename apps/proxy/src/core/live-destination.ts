import type { Endpoint, ServiceId, TrafficPolicy } from "@heddle/mesh";
import type { KeyedEndpoint } from "./endpoint-sets.ts";
import type { DestinationView, DestinationWorkload, LiveEndpoint } from "./mesh-view.ts";

/** Addresses remembered of a destination whose endpoint is whatever the caller asks for. */
const MAX_ORIGINALS = 1_024;

type MutableEndpoint = { -readonly [Key in keyof LiveEndpoint]: LiveEndpoint[Key] };

/** What a push says of a destination. */
export type DestinationState = {
  readonly fqdn: string;
  readonly isKnown: boolean;
  readonly isExternal: boolean;
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
  isOriginal = false;
  policy: TrafficPolicy = {};
  endpoints: readonly LiveEndpoint[] = [];
  readonly #workloadOf: (endpoint: Endpoint) => DestinationWorkload;
  #live = new Map<string, MutableEndpoint>();
  #connectKey = "";

  constructor(
    at: Pick<DestinationView, "service" | "subset" | "port">,
    workloadOf: (endpoint: Endpoint) => DestinationWorkload,
  ) {
    this.service = at.service;
    this.subset = at.subset;
    this.port = at.port;
    this.#workloadOf = workloadOf;
  }

  update(state: DestinationState): void {
    this.fqdn = state.fqdn;
    this.isKnown = state.isKnown;
    this.isExternal = state.isExternal;
    this.isOriginal = state.isOriginal;
    this.policy = state.policy;
    const connectKey = connectKeyOf(state.policy);
    if (connectKey !== this.#connectKey) {
      this.#connectKey = connectKey;
      for (const live of this.#live.values()) live.poolKey = this.#poolKey(live);
    }
    if (state.isOriginal) return;
    const before = this.#live;
    this.#live = new Map(
      state.endpoints.map(({ key, endpoint }) => [key, before.get(key) ?? this.#toLive(endpoint)]),
    );
    this.endpoints = [...this.#live.values()];
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
    const { port } = this;
    const live = {
      endpoint,
      port: (port === undefined ? undefined : endpoint.ports?.[port]) ?? endpoint.port,
      poolKey: "",
      workload: this.#workloadOf(endpoint),
      activeRequests: 0,
    };
    live.poolKey = this.#poolKey(live);
    return live;
  }

  #poolKey({ endpoint, port }: Pick<LiveEndpoint, "endpoint" | "port">): string {
    return `${endpoint.address}|${port}|${endpoint.identity ?? ""}${this.#connectKey}`;
  }
}

/** Where a rule says how to connect, connections made otherwise cannot serve. */
function connectKeyOf({ tls, connectionPool }: TrafficPolicy): string {
  if (tls === undefined && connectionPool === undefined) return "";
  return `|${JSON.stringify([tls, connectionPool])}`;
}
