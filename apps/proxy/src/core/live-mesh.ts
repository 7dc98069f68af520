import type { EndpointsResource, ProxyResource, ServiceResource } from "@heddle/contracts";
import {
  type CompiledRoute,
  carriesLabels,
  compileRoutes,
  type Endpoint,
  formatId,
  nextEvenDraw,
  pickDestination,
  type Route,
  type ServiceId,
  serviceFqdn,
} from "@heddle/mesh";
import type {
  DestinationView,
  DestinationWorkload,
  LiveEndpoint,
  RouteView,
  ServiceView,
} from "./mesh-view.ts";

const PARTING_GRACE_MS = 60_000;

/**
 * The services and endpoints this proxy knows, ready for the data path. `apply` compiles everything
 * first and swaps afterwards, so a resource that does not compile changes nothing.
 */
export class LiveMesh {
  readonly #draw: () => number;
  readonly #services = new Map<string, ServiceView>();
  readonly #subsets = new Map<string, ServiceResource["subsets"]>();
  readonly #endpoints = new Map<string, readonly LiveEndpoint[]>();
  readonly #destinations = new Map<string, MutableDestination>();
  readonly #workloads = new Map<string, DestinationWorkload>();
  /** Services whose last endpoints are gone and still tried; until when, in epoch ms. */
  readonly #partingUntilMs = new Map<string, number>();

  /** `draw` gives each split its random start. */
  constructor(draw: () => number) {
    this.#draw = draw;
  }

  service(id: ServiceId): ServiceView | undefined {
    return this.#services.get(formatId(id));
  }

  /** Every workload of a service that was ever sent a request from here. */
  workloadsOf(service: ServiceId): DestinationWorkload[] {
    const prefix = `${formatId(service)}|`;
    return [...this.#workloads]
      .filter(([key]) => key.startsWith(prefix))
      .map(([, workload]) => workload);
  }

  /**
   * Takes over new resources and drops the keys in `removes`. Throws (`InvalidSplitError`) before
   * anything has changed.
   */
  apply(upserts: readonly ProxyResource[], removes: readonly string[], nowMs: number): void {
    const services = upserts.filter((resource) => resource.kind === "service");
    const compiled = services.map((resource) => compileRoutes(resource.routes.map(toRoute)));
    for (const [index, resource] of services.entries()) {
      this.#setService(resource, compiled[index] ?? []);
    }
    for (const resource of upserts)
      if (resource.kind === "endpoints") this.#setEndpoints(resource, nowMs);
    for (const key of removes) this.#remove(key);
    this.#refreshDestinations();
  }

  #setService(resource: ServiceResource, routes: readonly CompiledRoute[]): void {
    const key = formatId(resource.service);
    this.#subsets.set(key, resource.subsets);
    this.#services.set(key, {
      service: resource.service,
      fqdn: serviceFqdn(resource.service),
      revision: resource.revision,
      routes: routes.map((route) => this.#toRouteView(route)),
    });
  }

  #toRouteView({ route, matches, split }: CompiledRoute): RouteView {
    const destinations = route.destinations.map(({ service, subset }) =>
      this.#destination(service, subset),
    );
    let draw = this.#draw();
    return {
      name: route.name,
      matches,
      timeoutMs: route.timeoutMs,
      destinations,
      nextDestination: () => {
        draw = nextEvenDraw(draw);
        return destinations[pickDestination(split, draw)] as DestinationView;
      },
    };
  }

  #destination(service: ServiceId, subset: string | undefined): MutableDestination {
    const key = `${formatId(service)}|${subset ?? ""}`;
    const known = this.#destinations.get(key);
    if (known) return known;
    const made: MutableDestination = {
      service,
      fqdn: serviceFqdn(service),
      subset,
      isKnown: false,
      endpoints: [],
    };
    this.#destinations.set(key, made);
    return made;
  }

  /** Gives up the endpoints that were kept after the control plane had taken the last one away. */
  dropParted(nowMs: number): void {
    for (const [key, untilMs] of this.#partingUntilMs) {
      if (nowMs < untilMs) continue;
      this.#partingUntilMs.delete(key);
      this.#endpoints.set(key, []);
    }
    this.#refreshDestinations();
  }

  #setEndpoints(resource: EndpointsResource, nowMs: number): void {
    const key = formatId(resource.service);
    if (resource.endpoints.length === 0 && this.#keepsParting(key, nowMs)) return;
    this.#partingUntilMs.delete(key);
    const before = new Map(
      this.#endpoints.get(key)?.map((live) => [contentKey(live.endpoint), live]),
    );
    const live = resource.endpoints.map((wire) => {
      const endpoint: Endpoint = { ...wire, identity: wire.identity };
      // An endpoint that stays is the same object, so requests in flight stay counted.
      return before.get(contentKey(endpoint)) ?? this.#toLive(endpoint, resource.service);
    });
    this.#endpoints.set(key, live);
  }

  /**
   * A service never loses its last endpoints at once: its proxies may only have lost the control
   * plane. Those that prove their identity are tried for a while longer; if they are gone, the request
   * fails as it would have failed without them (decision 18).
   */
  #keepsParting(key: string, nowMs: number): boolean {
    if (this.#partingUntilMs.has(key)) return true;
    const proven = this.#endpoints.get(key)?.filter((live) => live.endpoint.identity !== undefined);
    if (!proven || proven.length === 0) return false;
    this.#endpoints.set(key, proven);
    this.#partingUntilMs.set(key, nowMs + PARTING_GRACE_MS);
    return true;
  }

  #toLive(endpoint: Endpoint, service: ServiceId): LiveEndpoint {
    const { address, port, identity = "" } = endpoint;
    const poolKey = `${address}|${port}|${identity}`;
    return { endpoint, poolKey, workload: this.#workload(endpoint, service), activeRequests: 0 };
  }

  #workload(endpoint: Endpoint, service: ServiceId): DestinationWorkload {
    const key = `${formatId(service)}|${endpoint.namespace}/${endpoint.workload}`;
    const known = this.#workloads.get(key);
    if (known) return known;
    const made: DestinationWorkload = {
      namespace: endpoint.namespace,
      name: endpoint.workload,
      service,
      version: endpoint.labels["version"] ?? "latest",
      lastSendAtMs: 0,
    };
    this.#workloads.set(key, made);
    return made;
  }

  #remove(key: string): void {
    const slash = key.indexOf("/");
    const kind = key.slice(0, slash);
    const service = key.slice(slash + 1);
    if (kind === "service") {
      this.#services.delete(service);
      this.#subsets.delete(service);
    } else if (kind === "endpoints") {
      this.#endpoints.delete(service);
      this.#partingUntilMs.delete(service);
    }
  }

  /** Destinations are shared by routes and change in place; those no route names any more go. */
  #refreshDestinations(): void {
    const used = new Set<DestinationView>();
    for (const service of this.#services.values()) {
      for (const route of service.routes)
        for (const destination of route.destinations) used.add(destination);
    }
    for (const [key, destination] of this.#destinations) {
      if (!used.has(destination)) this.#destinations.delete(key);
      else this.#refresh(destination);
    }
    for (const [key, workload] of this.#workloads) {
      if (!this.#endpoints.has(formatId(workload.service))) this.#workloads.delete(key);
    }
  }

  #refresh(destination: MutableDestination): void {
    const key = formatId(destination.service);
    const all = this.#endpoints.get(key) ?? [];
    const subset = this.#subsets.get(key)?.find(({ name }) => name === destination.subset);
    const isServiceKnown = this.#services.has(key) || this.#endpoints.has(key);
    destination.isKnown =
      isServiceKnown && (destination.subset === undefined || subset !== undefined);
    if (destination.subset === undefined) destination.endpoints = all;
    else if (subset === undefined) destination.endpoints = [];
    else {
      const { labels } = subset;
      destination.endpoints = all.filter(({ endpoint }) => carriesLabels(endpoint.labels, labels));
    }
  }
}

type MutableDestination = {
  -readonly [Key in keyof DestinationView]: DestinationView[Key];
};

/** Equal texts: nothing about the endpoint has changed that the data path could see. */
function contentKey(endpoint: Endpoint): string {
  const labels = Object.entries(endpoint.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const { id, namespace, workload, address, port, identity } = endpoint;
  return JSON.stringify([id, namespace, workload, address, port, identity, labels]);
}

function toRoute(wire: ServiceResource["routes"][number]): Route {
  return {
    name: wire.name,
    matches: wire.matches,
    timeoutMs: wire.timeoutMs,
    destinations: wire.destinations.map(({ service, subset, weight }) => ({
      service,
      subset,
      weight,
    })),
  };
}
