import { FIELD, type FieldMask, fieldMask, isIdempotent, type OutBuffer } from "@heddle/http1";
import { findRoute, pickEndpoint, type RequestFacts } from "@heddle/mesh";
import type {
  DestinationView,
  LiveEndpoint,
  Resolution,
  RouteView,
  ServiceView,
} from "../core/mesh-view.ts";
import type { FailedBy } from "../core/traffic-recorder.ts";
import { Connection } from "../transport/connection.ts";
import { processClock } from "../transport/deadline-clock.ts";
import { type Flag, flagOf, type UpstreamFault } from "../transport/failure.ts";
import { HttpExchange, type Outcome } from "../transport/http-exchange.ts";
import { PROXY_FIELD } from "../transport/proxy-fields.ts";
import type { UpstreamSource, UpstreamStream } from "../transport/upstream-stream.ts";
import { type HostPort, parseAuthority } from "./authority.ts";
import { isLoop } from "./loop-guard.ts";
import type { OutboundSide } from "./outbound-side.ts";

const MAX_ATTEMPTS = 3;

const OWN_FIELDS = [
  FIELD.host,
  PROXY_FIELD.traceparent,
  PROXY_FIELD.requestId,
  PROXY_FIELD.forwardedProto,
  // What an app claims about certificates is worth nothing; the receiving sidecar says what it saw.
  PROXY_FIELD.clientCert,
  PROXY_FIELD.attemptCount,
  PROXY_FIELD.peerMetadata,
  PROXY_FIELD.peerMetadataId,
  PROXY_FIELD.origin,
  PROXY_FIELD.flags,
];
const REQUEST_MASK = fieldMask(OWN_FIELDS, { isHopByHop: true });
/** A broken or missing traceparent ends the trace, and with it the state that belonged to it. */
const NEW_TRACE_MASK = fieldMask([...OWN_FIELDS, PROXY_FIELD.tracestate], { isHopByHop: true });
/** A sidecar vouches for its failure headers; anyone else's are not believed. */
const SIDECAR_RESPONSE_MASK = fieldMask([], { isHopByHop: true });
const FOREIGN_RESPONSE_MASK = fieldMask([PROXY_FIELD.origin, PROXY_FIELD.flags], {
  isHopByHop: true,
});

type Attempt = { readonly target: string; readonly reason: string };

/** A request of the app on its way to whoever its host, the routes and the balancer name. */
export class OutboundExchange extends HttpExchange implements RequestFacts {
  protected readonly ownBlame: FailedBy = "outbound-proxy";
  protected readonly cutBlame: FailedBy = "network";
  readonly #side: OutboundSide;
  /** From a local port or a CONNECT: the host of every request on this connection. */
  #fixedHost: string | undefined;
  #authority = "";
  #path = "/";
  #view: ServiceView | undefined;
  #route: RouteView | undefined;
  #destination: DestinationView | undefined;
  #outside: HostPort | undefined;
  #live: LiveEndpoint | undefined;
  #isCounted = false;
  #pool: UpstreamSource | undefined;
  #tunnel: Connection | undefined;
  /** The mesh view's generation the destination was chosen under. */
  #generation = 0;
  #attemptCount = 0;
  #attempts: Attempt[] | undefined;
  #responseOrigin = "";
  #responseFlags = "-";

  constructor(side: OutboundSide, fixedHost: string | undefined) {
    super(processClock, side.timeouts, side.limits);
    this.#side = side;
    this.#fixedHost = fixedHost;
  }

  // ---- What routing looks at ----

  get method(): string {
    return this.request.method;
  }

  get path(): string {
    return this.#path;
  }

  get authority(): string {
    return this.#authority;
  }

  header(name: string): string | undefined {
    return this.request.fields.find(name);
  }

  // ---- Finding an upstream ----

  override get origin(): string {
    return this.#side.origin;
  }

  override mayServe(): boolean {
    return true;
  }

  protected override onRefused(): void {
    this.#forget();
    this.#authority = "";
    this.#path = "";
  }

  #forget(): void {
    this.#view = undefined;
    this.#route = undefined;
    this.#destination = undefined;
    this.#outside = undefined;
    this.#live = undefined;
    this.#pool = undefined;
    this.#attemptCount = 0;
    this.#attempts = undefined;
    this.#responseOrigin = "";
    this.#responseFlags = "-";
  }

  protected override decide(): void {
    const { request } = this;
    const { fields } = request;
    this.#forget();
    const traceparent = fields.findById(PROXY_FIELD.traceparent);
    const requestId = fields.findById(PROXY_FIELD.requestId);
    this.trace.begin(traceparent, requestId, this.#side.decideSampling);
    const query = request.path.indexOf("?");
    this.#path = query < 0 ? request.path : request.path.slice(0, query);
    const host =
      request.method === "CONNECT" ? request.authority : (this.#fixedHost ?? request.authority);
    this.#authority = host ?? "";
    if (host === undefined) {
      this.#fail(
        400,
        "DPE",
        "",
        "the request names no host: send a Host header with the service's name",
      );
      return;
    }
    const { view } = this.#side.parts;
    this.#generation = view.generation;
    const resolution = view.resolve(host);
    if (resolution === "unknown") void this.#resolveLater(host);
    else this.#proceed(resolution);
  }

  async #resolveLater(host: string): Promise<void> {
    const { sequence } = this;
    const resolution = await this.#side.parts.view.whenResolved(host);
    if (!this.isBusy || this.sequence !== sequence) return;
    this.#generation = this.#side.parts.view.generation;
    this.#proceed(resolution);
  }

  /**
   * While this request waited for a connection the rules have changed, and the control plane was told
   * that what is sent from now on follows the new ones: choose again.
   */
  override onUpstreamReady(upstream: UpstreamStream): void {
    if (this.#outside !== undefined || this.#generation === this.#side.parts.view.generation) {
      super.onUpstreamReady(upstream);
      return;
    }
    this.onAttemptEnd();
    upstream.giveBack();
    this.#chooseAgain();
  }

  #chooseAgain(): void {
    const { view } = this.#side.parts;
    this.#generation = view.generation;
    this.#live = undefined;
    this.#pool = undefined;
    this.#proceed(view.resolve(this.#authority));
  }

  #proceed(resolution: Resolution): void {
    if (resolution === "none") this.#goOutside();
    else if (resolution === "unknown") this.#failUnanswered();
    else if (this.request.method === "CONNECT") {
      // A tunnel to a service of the mesh: what comes through it is HTTP to that service.
      this.#view = resolution;
      this.#fixedHost = this.#authority;
      this.acceptConnect();
      this.onOutcome({ status: 200, flag: "-", failedBy: "" });
      this.continueWithRequests();
    } else this.#routeTo(resolution);
  }

  /** Only the mesh can mean this name: whatever DNS made of it, the request would not get there. */
  #failUnanswered(): void {
    const why = `the control plane has not said yet which service ${this.#authority} is, and nothing outside the mesh has such a name`;
    this.#fail(503, "NC", "outbound-proxy", why);
  }

  #routeTo(view: ServiceView): void {
    this.#view = view;
    if (view.portProblem !== undefined) {
      this.#fail(404, "NR", "outbound-proxy", view.portProblem);
      return;
    }
    const route = findRoute(view.routes, this);
    if (route === undefined) {
      const why = `no route matches ${this.method} ${this.#path}; ${view.routes.length} routes were tried`;
      this.#fail(404, "NR", "outbound-proxy", why);
      return;
    }
    this.#route = route;
    if (route.timeoutMs !== undefined) this.setRouteDeadline(route.timeoutMs);
    const { destination } = route.nextTarget();
    this.#destination = destination;
    if (!destination.isKnown) {
      const why =
        destination.subset === undefined
          ? "the rule names a service that does not exist"
          : `the rule names the subset "${destination.subset}", which no DestinationRule defines`;
      this.#fail(503, "NC", "outbound-proxy", why);
      return;
    }
    this.#attempt(destination);
  }

  #attempt(destination: DestinationView): void {
    const live = pickEndpoint(destination.endpoints, Math.random(), Math.random(), this.#live);
    if (live === undefined) {
      const why = this.#attempts === undefined ? "no workload serves it" : "every endpoint is gone";
      this.#fail(503, "UH", "outbound-proxy", why);
      return;
    }
    this.#live = live;
    live.activeRequests++;
    this.#isCounted = true;
    this.#acquire(this.#side.poolOfEndpoint(live));
  }

  #acquire(pool: UpstreamSource): void {
    this.#pool = pool;
    this.#attemptCount++;
    const got = pool.acquire(this, this.request.method);
    if (got === "waiting") return;
    if ("refusal" in got) {
      const kind = got.isOverflow ? "overflow" : "connect";
      this.#attempts ??= [];
      this.#attempts.push({ target: this.#targetName(), reason: got.refusal });
      this.onAttemptEnd();
      const { status, flag } = flagOf({ kind, reason: got.refusal });
      this.#fail(status, flag, "outbound-proxy", got.refusal);
    } else this.useUpstream(got);
  }

  protected override cancelWaiting(): void {
    this.#pool?.cancel(this);
    this.#tunnel?.destroy();
    this.#tunnel = undefined;
  }

  protected override onAttemptEnd(): void {
    if (this.#isCounted && this.#live !== undefined) this.#live.activeRequests--;
    this.#isCounted = false;
  }

  protected override onFault(fault: UpstreamFault): void {
    this.#attempts ??= [];
    this.#attempts.push({ target: this.#targetName(), reason: fault.reason });
    if (this.#mayRetry(fault) && this.#attemptCount < MAX_ATTEMPTS) {
      if (this.#outside !== undefined) {
        this.#acquire(this.#side.poolOfHost(this.#outside.host, this.#outside.port));
      } else if (this.#generation !== this.#side.parts.view.generation) this.#chooseAgain();
      else if (this.#destination !== undefined) this.#attempt(this.#destination);
      return;
    }
    const { status, flag } = flagOf(fault);
    this.#fail(
      status,
      flag,
      fault.kind === "overflow" ? "outbound-proxy" : "network",
      fault.reason,
    );
  }

  /** Repeating must be safe: nothing was sent, or a kept-alive connection closed under a harmless request. */
  #mayRetry(fault: UpstreamFault): boolean {
    if (fault.kind === "connect") return this.#outside === undefined;
    return (
      fault.kind === "closed" && fault.isStale && !this.hasBody && isIdempotent(this.request.method)
    );
  }

  // ---- Outside the mesh ----

  #goOutside(): void {
    const { view } = this.#side.parts;
    const isConnect = this.request.method === "CONNECT";
    const outside = parseAuthority(this.#authority, 80);
    if (outside === undefined) {
      this.#fail(400, "DPE", "", `"${this.#authority}" is not host[:port]`);
      return;
    }
    if (view.outboundTrafficPolicy === "REGISTRY_ONLY") {
      const why = "no service of the mesh has this host, and the policy is REGISTRY_ONLY";
      this.#fail(502, "NR", "outbound-proxy", why);
      return;
    }
    this.#outside = outside;
    if (isConnect) this.#openTunnel(outside);
    else this.#acquire(this.#side.poolOfHost(outside.host, outside.port));
  }

  #openTunnel(outside: HostPort): void {
    const { sequence } = this;
    this.#attemptCount = 1;
    const isCurrent = () => this.isBusy && this.sequence === sequence;
    const refuse = (reason: string) => {
      this.#tunnel = undefined;
      this.#fail(503, "UF", "network", reason);
    };
    // Until the tunnel takes over, only the end of the connection matters.
    const waiting = {
      onData: () => {},
      onEnd: () => {},
      onDrain: () => {},
      onClose: (error: Error | undefined) => {
        if (isCurrent()) refuse(error?.message ?? "closed by the peer");
      },
    };
    const connection = Connection.connect(outside, waiting, () => {
      if (!isCurrent()) connection.destroy();
      else if (isLoop(connection, this.#side.parts.ownPorts)) {
        connection.destroy();
        refuse(`${this.#authority} is this proxy itself`);
      } else {
        this.#tunnel = undefined;
        this.acceptConnect();
        this.startTunnel(connection);
      }
    });
    this.#tunnel = connection;
  }

  // ---- Heads ----

  protected override writeRequestHead(out: OutBuffer): void {
    const { request } = this;
    const live = this.#live;
    if (live !== undefined) live.workload.lastSendAtMs = Date.now();
    out.text(`${request.method} ${request.path} HTTP/1.1\r\nhost: ${this.#hostField()}\r\n`);
    out.fields(request.fields, this.trace.hasParent ? REQUEST_MASK : NEW_TRACE_MASK);
    this.trace.write(out);
    out.text(
      this.#attemptCount === 1
        ? "x-forwarded-proto: http\r\nx-envoy-attempt-count: 1\r\n"
        : `x-forwarded-proto: http\r\nx-envoy-attempt-count: ${this.#attemptCount}\r\n`,
    );
    if (request.isUpgrade) this.writeUpgrade(out);
  }

  /** A local port's Host names the port; the service behind it wants its own. */
  #hostField(): string {
    return this.#fixedHost ?? this.request.authority ?? "";
  }

  protected override responseMask(): FieldMask {
    return this.#isSidecar ? SIDECAR_RESPONSE_MASK : FOREIGN_RESPONSE_MASK;
  }

  get #isSidecar(): boolean {
    return this.#live?.endpoint.identity !== undefined;
  }

  protected override writeResponseFields(out: OutBuffer, upstream: UpstreamStream): void {
    const { fields, status } = upstream.response;
    if (this.#isSidecar) {
      this.#responseOrigin = fields.findById(PROXY_FIELD.origin) ?? "";
      this.#responseFlags = fields.findById(PROXY_FIELD.flags) ?? "-";
    }
    if (status >= 500 && this.#responseOrigin === "") out.field("x-heddle-origin", this.#appName());
  }

  #appName(): string {
    const workload = this.#live?.workload;
    return workload === undefined ? "app" : `app; workload=${workload.namespace}/${workload.name}`;
  }

  // ---- Words and numbers ----

  #targetName(): string {
    const endpoint = this.#live?.endpoint;
    if (endpoint === undefined) return this.#authority;
    return `${endpoint.address}:${endpoint.port} (${endpoint.namespace}/${endpoint.workload})`;
  }

  #fail(status: number, flag: Flag, failedBy: FailedBy, why: string): void {
    this.fail({ status, flag, failedBy, explanation: this.#explain(why) });
  }

  protected override explainTimeout(): string {
    const timeoutMs = this.#route?.timeoutMs;
    return this.#explain(`no complete answer within the rule's timeout of ${timeoutMs} ms`);
  }

  /** Which service, which rule, which endpoints, and why: one fact a line. */
  #explain(why: string): string {
    const view = this.#view;
    const route = this.#route;
    const destination = this.#destination;
    const lines = [`${this.#side.origin}: ${why}`];
    lines.push(
      view === undefined
        ? `host: ${this.#authority}`
        : `service: ${view.service.namespace}/${view.service.name}`,
    );
    if (view !== undefined && route !== undefined) {
      lines.push(`rule: ${route.name} (revision ${view.revision})`);
    }
    if (destination !== undefined) {
      const subset = destination.subset === undefined ? "" : ` subset ${destination.subset}`;
      const { namespace, name } = destination.service;
      lines.push(`destination: ${namespace}/${name}${subset}`);
      const shown = destination.endpoints
        .slice(0, 10)
        .map(({ endpoint }) => `${endpoint.address}:${endpoint.port}`);
      lines.push(`endpoints: ${destination.endpoints.length} ${shown.join(" ")}`.trimEnd());
    }
    for (const { target, reason } of this.#attempts ?? [])
      lines.push(`tried: ${target}: ${reason}`);
    return lines.join("\n");
  }

  protected override onCut(reason: string): void {
    this.#side.parts.logger.warn(
      { host: this.#authority, target: this.#targetName(), reason },
      "a response broke off",
    );
  }

  protected override blameOf(status: number): FailedBy {
    if (status < 500) return "";
    return this.#responseOrigin.startsWith("inbound-proxy") ? "inbound-proxy" : "app";
  }

  protected override flagOfResponse(): string {
    return this.#responseFlags;
  }

  protected override onOutcome({ status, flag, failedBy }: Outcome): void {
    const { recorder, workload } = this.#side.parts;
    const durationMs = performance.now() - this.startMs;
    const live = this.#live;
    const table =
      live === undefined
        ? this.#side.seriesOfHost(this.#view?.fqdn ?? this.#outsideName(), this.#view?.service)
        : this.#side.seriesOfWorkload(live);
    const series = table.seriesOf(status, flag, failedBy);
    recorder.record(series, durationMs, this.requestBytes, this.responseBytes);
    if (!this.trace.isSampled && status !== 0 && status < 500) return;
    recorder.span({
      kind: "client",
      workload,
      traceId: this.trace.traceId,
      spanId: this.trace.spanId,
      parentSpanId: this.trace.parentSpanId,
      startEpochMs: performance.timeOrigin + this.startMs,
      durationMs,
      method: this.request.method,
      service: this.#view?.service.name ?? this.#authority,
      path: this.#path,
      status,
      sourceWorkload: this.#side.source,
      destinationWorkload:
        live === undefined ? "unknown" : `${live.workload.namespace}/${live.workload.name}`,
      flags: flag,
      failedBy,
      requestId: this.trace.requestId,
    });
  }

  #outsideName(): string {
    return this.#outside?.host ?? (this.#authority === "" ? "unknown" : this.#authority);
  }
}
