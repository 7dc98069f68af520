import {
  type ProxyResource,
  type ServiceResource,
  WORKLOAD_LABEL,
} from "@heddle/contracts/control-stream";
import {
  carriesLabels,
  type Endpoint,
  effectivePolicy,
  formatId,
  type PortProtocol,
  type ServiceId,
  serviceFqdn,
  type TrafficPolicy,
} from "@heddle/mesh";
import { DnsAnswers, type Lookup } from "./dns-answers.ts";
import { EndpointSets } from "./endpoint-sets.ts";
import { LiveDestination } from "./live-destination.ts";
import type { Caller, DestinationView, DestinationWorkload, ServiceView } from "./mesh-view.ts";
import {
  type BypassedCaller,
  bypassEnd,
  type CheckedService,
  checkService,
  findPort,
  ruleSetFor,
  rulesOf,
} from "./service-rules.ts";
import {
  destinationsOf,
  makeServiceView,
  type SplitPlaces,
  type Target,
  type ViewParts,
} from "./service-views.ts";

/** How a view was asked for, so that a push can make it again. */
type AskedView = {
  readonly id: ServiceId;
  readonly caller: Caller;
  readonly asked: number | undefined;
  readonly places: SplitPlaces;
};

/** A destination and which of its service's rule sets it stands under. */
type KnownDestination = { readonly live: LiveDestination; readonly ruleSet: string };

/**
 * The services and endpoints this proxy knows, ready for the data path. `apply` compiles everything
 * first and swaps afterwards, so a resource that does not compile changes nothing.
 */
export class LiveMesh {
  readonly #parts: ViewParts;
  /** What `check` has made, for the `apply` that follows. */
  readonly #checked = new WeakMap<ServiceResource, CheckedService>();
  readonly #services = new Map<string, CheckedService>();
  readonly #dns: DnsAnswers;
  readonly #endpoints: EndpointSets;
  readonly #destinations = new Map<string, KnownDestination>();
  readonly #workloads = new Map<string, DestinationWorkload>();
  /** Services some callers of which are off their rules, and the next moment at which that ends. */
  readonly #bypassEnds = new Map<string, number>();
  /** Hosted workloads that are off all rules, `namespace/name`, and until when. */
  readonly #bypassed = new Map<string, number>();
  /** Which services ask who calls, and how; empty: none does. */
  #sources = "";
  /** Views made so far; a caller's is shared with all callers that see the same. */
  readonly #views = new Map<string, { readonly how: AskedView; view: ServiceView }>();

  /** `draw` gives each split its random start; `lookup` asks for the addresses of names. */
  constructor(draw: () => number, lookup?: Lookup) {
    this.#parts = { draw, toDestination: (...args) => this.#destination(...args) };
    this.#dns = new DnsAnswers(() => this.#refreshDestinations(), lookup);
    this.#endpoints = new EndpointSets(this.#dns);
  }

  /** Stops asking DNS. */
  close(): void {
    this.#dns.close();
  }

  /** A service as `caller` sees it; `port`: the one its host named, if any. */
  service(id: ServiceId, caller: Caller, port?: number): ServiceView | undefined {
    return this.#view(id, caller, port, undefined);
  }

  /** `kept`: the places of the view that this one follows. */
  #view(
    id: ServiceId,
    caller: Caller,
    port: number | undefined,
    kept: SplitPlaces | undefined,
  ): ServiceView | undefined {
    const name = formatId(id);
    const compiled = this.#services.get(name);
    if (compiled === undefined) return undefined;
    const found = findPort(compiled, port);
    const portKey = found.problem === undefined ? `${found.port?.number ?? ""}` : `no ${port}`;
    const key = `${name}|${portKey}|${this.#callerKey(caller)}`;
    const known = this.#views.get(key);
    if (known !== undefined) return known.view;
    const places: SplitPlaces = kept ?? new Map();
    const how = { id, caller, asked: port, places };
    const view = makeServiceView(compiled, this.#bypassable(caller), port, this.#parts, places);
    // A port nobody has declared is told what is wrong; such views are not worth keeping.
    if (found.problem === undefined) this.#views.set(key, { how, view });
    return view;
  }

  /** A caller, with the end of its own bypass if it is off all rules. */
  #bypassable(caller: Caller): BypassedCaller {
    if (this.#bypassed.size === 0) return caller;
    const id = `${caller.namespace}/${caller.labels[WORKLOAD_LABEL]}`;
    const bypassedUntilMs = this.#bypassed.get(id);
    return bypassedUntilMs === undefined ? caller : { ...caller, bypassedUntilMs };
  }

  /** Callers of equal keys see the same; where no rule asks who calls, only where they stand counts. */
  #callerKey({ namespace, labels, locality = "" }: Caller): string {
    return this.#sources === "" && this.#bypassed.size === 0
      ? locality
      : JSON.stringify([namespace, labels, locality]);
  }

  /** Every workload of a service that was ever sent a request from here. */
  workloadsOf(service: ServiceId): DestinationWorkload[] {
    const prefix = `${formatId(service)}|`;
    return [...this.#workloads]
      .filter(([key]) => key.startsWith(prefix))
      .map(([, workload]) => workload);
  }

  /** Every destination some view of this proxy leads to. */
  get destinations(): readonly LiveDestination[] {
    return [...this.#destinations.values()].map(({ live }) => live);
  }

  /** Throws the mesh's errors when the resource cannot be applied; changes nothing. */
  check(resource: ServiceResource): void {
    this.#checked.set(resource, checkService(resource));
  }

  /** Whether anything is under way that was sent to a service, wherever its routes led. */
  isBusy(service: ServiceId): boolean {
    const name = formatId(service);
    return [...this.#views.values()].some(
      ({ how, view }) => formatId(how.id) === name && destinationsOf(view).some(isInUse),
    );
  }

  /**
   * Takes over new resources and drops the keys in `removes`. Throws the mesh's errors (of a split, a
   * regular expression, a format) before anything has changed.
   */
  apply(upserts: readonly ProxyResource[], removes: readonly string[], nowMs: number): void {
    const compiled = upserts
      .filter((resource) => resource.kind === "service")
      .map((resource) => this.#checked.get(resource) ?? checkService(resource));
    const changed = new Set<string>();
    const moved = new Set<string>();
    const sourcesBefore = this.#sources;
    for (const service of compiled) {
      const name = formatId(service.resource.service);
      this.#services.set(name, service);
      this.#endpoints.setService(service.resource);
      changed.add(name);
    }
    for (const resource of upserts) {
      if (resource.kind !== "endpoints") continue;
      this.#endpoints.set(resource, nowMs);
      moved.add(formatId(resource.service));
    }
    for (const key of removes) this.#remove(key, changed, moved);
    this.#dns.watch(this.#endpoints.names);
    if (this.#takeBypasses(upserts, nowMs))
      for (const name of this.#services.keys()) changed.add(name);
    if (changed.size > 0) {
      this.#sources = this.#readSources();
      const areSourcesKept = this.#sources === sourcesBefore;
      this.#remakeViews((view) => !areSourcesKept || leadsTo(view, changed));
      this.#forgetUnused();
    }
    // Endpoints come and go often: what they do not concern is left alone.
    this.#refreshDestinations((service) => changed.has(service) || moved.has(service));
  }

  /** Whether a service's callers or a workload go without the rules now. */
  get isAnyBypassed(): boolean {
    return this.#bypassEnds.size > 0 || this.#bypassed.size > 0;
  }

  /** Lets bypasses end whose time is over, whoever should have taken them back. Returns whether any has. */
  endBypasses(nowMs: number): boolean {
    const ended = new Set<string>();
    for (const [name, endMs] of this.#bypassEnds) {
      if (endMs > nowMs) continue;
      const service = this.#services.get(name);
      const next = service && bypassEnd(service, nowMs);
      if (next === undefined) this.#bypassEnds.delete(name);
      else this.#bypassEnds.set(name, next);
      ended.add(name);
    }
    for (const [workload, untilMs] of this.#bypassed) {
      if (untilMs > nowMs) continue;
      this.#bypassed.delete(workload);
      for (const name of this.#services.keys()) ended.add(name);
    }
    if (ended.size === 0) return false;
    this.#remakeViews((view) => leadsTo(view, ended));
    this.#forgetUnused();
    this.#refreshDestinations((service) => ended.has(service));
    return true;
  }

  /** Whether other workloads are off the rules than before. */
  #takeBypasses(upserts: readonly ProxyResource[], nowMs: number): boolean {
    let isChanged = false;
    for (const resource of upserts) {
      if (resource.kind === "service") {
        const name = formatId(resource.service);
        const service = this.#services.get(name);
        const endMs = service && bypassEnd(service, nowMs);
        if (endMs === undefined) this.#bypassEnds.delete(name);
        else this.#bypassEnds.set(name, endMs);
      }
      if (resource.kind !== "workload") continue;
      const id = formatId(resource.workload);
      const untilMs = resource.bypass?.untilMs ?? 0;
      if (untilMs > nowMs) {
        isChanged ||= this.#bypassed.get(id) !== untilMs;
        this.#bypassed.set(id, untilMs);
      } else if (this.#bypassed.delete(id)) isChanged = true;
    }
    return isChanged;
  }

  /** Gives up the endpoints that were kept after the control plane had taken the last one away. */
  dropParted(nowMs: number): void {
    if (this.#endpoints.dropParted(nowMs).length > 0) this.#refreshDestinations();
  }

  /** What decides who sees which rules: when it changes, every view may lead elsewhere. */
  #readSources(): string {
    let text = "";
    for (const [name, { sources }] of this.#services)
      if (sources !== "") text += `${name} ${sources}`;
    return text;
  }

  #remove(key: string, changed: Set<string>, moved: Set<string>): void {
    const slash = key.indexOf("/");
    const kind = key.slice(0, slash);
    const name = key.slice(slash + 1);
    if (kind === "service") {
      this.#services.delete(name);
      this.#endpoints.removeService(name);
      changed.add(name);
    } else if (kind === "endpoints") {
      this.#endpoints.remove(name);
      moved.add(name);
    }
  }

  #remakeViews(isConcerned: (view: ServiceView) => boolean): void {
    const concerned = [...this.#views].filter(([, { view }]) => isConcerned(view));
    for (const [key] of concerned) this.#views.delete(key);
    for (const [, { how }] of concerned) this.#view(how.id, how.caller, how.asked, how.places);
  }

  #destination(target: Target, caller: Caller, viewPort: number | undefined): LiveDestination {
    const { service, subset } = target;
    const name = formatId(service);
    const compiled = this.#services.get(name);
    const wanted = target.port ?? viewPort;
    const port = compiled === undefined ? wanted : findPort(compiled, wanted).port?.number;
    const ruleSet = ruleSetFor(compiled, this.#bypassable(caller), Date.now());
    const origin = compiled?.asksForLabels ? JSON.stringify(caller.labels) : "";
    const place = caller.locality ?? "";
    const key = [name, subset ?? "", port ?? "", ruleSet, place, origin].join("|");
    const known = this.#destinations.get(key);
    if (known !== undefined) return known.live;
    const live = new LiveDestination(
      { service, subset, port },
      {
        workloadOf: (endpoint) => this.#workload(endpoint, service),
        origin: { locality: caller.locality, labels: caller.labels },
        draw: this.#parts.draw(),
      },
    );
    const made = { live, ruleSet };
    this.#destinations.set(key, made);
    this.#refresh(made);
    return live;
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

  /** Destinations are shared by routes and change in place; those no route names any more go. */
  #forgetUnused(): void {
    const used = new Set<DestinationView>();
    for (const { view } of this.#views.values())
      for (const destination of destinationsOf(view)) used.add(destination);
    for (const [key, { live }] of this.#destinations) {
      if (!used.has(live)) this.#destinations.delete(key);
    }
    for (const [key, workload] of this.#workloads) {
      if (!this.#endpoints.has(formatId(workload.service))) this.#workloads.delete(key);
    }
  }

  #refreshDestinations(isConcerned: (service: string) => boolean = () => true): void {
    for (const known of this.#destinations.values()) {
      if (isConcerned(formatId(known.live.service))) this.#refresh(known);
    }
  }

  #refresh({ live, ruleSet }: KnownDestination): void {
    const { subset: subsetName, port } = live;
    const name = formatId(live.service);
    const compiled = this.#services.get(name);
    const rules = compiled && rulesOf(compiled, ruleSet);
    const subset = subsetName === undefined ? undefined : rules?.subsets.get(subsetName);
    const isSubsetKnown = subsetName === undefined || subset !== undefined;
    const all = this.#endpoints.of(name);
    const resolution = compiled?.resource.resolution;
    const policy = effectivePolicy(rules?.policy, subset?.trafficPolicy, port);
    const protocol = compiled && findPort(compiled, port).port?.protocol;
    const state = {
      fqdn: compiled?.resource.host ?? serviceFqdn(live.service),
      isKnown: (compiled !== undefined || this.#endpoints.has(name)) && isSubsetKnown,
      isExternal: compiled?.resource.isExternal === true,
      httpVersion: httpVersionOf(protocol, policy),
      isOriginal: resolution === "none" || policy.loadBalancer?.algorithm.kind === "passthrough",
      policy,
      endpoints: isSubsetKnown
        ? all.filter(({ endpoint }) => carriesLabels(endpoint.labels, subset?.labels ?? {}))
        : [],
    };
    live.update(state, Date.now());
  }
}

function httpVersionOf(
  protocol: PortProtocol | undefined,
  { connectionPool }: TrafficPolicy,
): 1 | 2 | undefined {
  if (connectionPool?.upgradesToHttp2 === true) return 2;
  if (protocol === "http2" || protocol === "grpc") return 2;
  return protocol === "http" ? 1 : undefined;
}

function isInUse({ usage, endpoints }: DestinationView): boolean {
  return (
    usage.requests > 0 ||
    usage.pending > 0 ||
    endpoints.some(({ activeRequests }) => activeRequests > 0)
  );
}

function leadsTo(view: ServiceView, services: ReadonlySet<string>): boolean {
  return destinationsOf(view).some(({ service }) => services.has(formatId(service)));
}
