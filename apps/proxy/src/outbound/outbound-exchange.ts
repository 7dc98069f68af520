import { findRoute, normalizePath } from "@heddle/mesh";
import type { Resolution, RouteView, ServiceView } from "../core/mesh-view.ts";
import type { FilterChain } from "../filters/active-filter.ts";
import { FilterRun } from "../filters/filter-run.ts";
import type { Connection } from "../transport/connection.ts";
import { PROXY_FIELD } from "../transport/proxy-fields.ts";
import type { UpstreamStream } from "../transport/upstream-stream.ts";
import { type HostPort, parseAuthority } from "./authority.ts";
import { OutboundFilterHost } from "./outbound-filter-host.ts";
import { openTunnel } from "./outside-tunnel.ts";
import { findBound } from "./request-bounds.ts";
import { answerOf, applyCors, drawFault } from "./route-actions.ts";
import { TryingExchange } from "./trying-exchange.ts";

/**
 * A request of the app on its way to whoever its host, the routes and the balancer name.
 *
 *   filter → resolve → route → act (fault, CORS, answer here) → try → …
 *
 * Each step may end in an answer; a push between a choice and its sending chooses again.
 */
export class OutboundExchange extends TryingExchange {
  #tunnel: Connection | undefined;
  /** The mesh view's generation the destination was chosen under. */
  #generation = 0;

  override mayServe(): boolean {
    return true;
  }

  protected override onRefused(): void {
    this.forget();
  }

  // ---- Who is meant ----

  protected override decide(): void {
    const { asked, request } = this;
    const { fields } = request;
    this.forget();
    const traceparent = fields.findById(PROXY_FIELD.traceparent);
    const requestId = fields.findById(PROXY_FIELD.requestId);
    this.trace.begin(traceparent, requestId, this.side.decideSampling);
    this.#readTarget();
    asked.startMs = this.startMs;
    const host =
      request.method === "CONNECT" ? request.authority : (asked.fixedHost ?? request.authority);
    asked.authority = host ?? "";
    if (host === undefined) {
      const why = "the request names no host: send a Host header with the service's name";
      this.failWith(400, "DPE", why, "");
      return;
    }
    const chain = this.side.parts.workload.policy?.filters.outbound;
    const hasFilters = chain !== undefined && request.method !== "CONNECT";
    if (hasFilters && !this.#isBypassed(host)) this.#filterBy(chain, host);
    else this.#resolve(host);
  }

  /** Whether what the host means is asked past the rules for now: then filters are past, too. */
  #isBypassed(host: string): boolean {
    const resolution = this.side.parts.view.resolve(host);
    return typeof resolution === "object" && resolution.isBypassed;
  }

  /** Before anything is chosen, so that rules may look at what filters write. */
  #filterBy(chain: FilterChain, host: string): void {
    const filterHost = new OutboundFilterHost(this.asked, this.side);
    const voice = { origin: this.origin, blame: this.ownBlame };
    this.filter(new FilterRun(chain, filterHost, voice), () => {
      this.#readTarget();
      this.#resolve(host);
    });
  }

  #readTarget(): void {
    const { path } = this.request;
    const query = path.indexOf("?");
    this.asked.path = query < 0 ? path : path.slice(0, query);
    this.asked.target = path;
  }

  #resolve(host: string): void {
    const { view } = this.side.parts;
    this.#generation = view.generation;
    const resolution = view.resolve(host);
    if (resolution === "unknown") void this.#resolveLater(host);
    else this.#proceed(resolution);
  }

  async #resolveLater(host: string): Promise<void> {
    const { sequence } = this;
    const resolution = await this.side.parts.view.whenResolved(host);
    if (!this.isBusy || this.sequence !== sequence) return;
    this.#generation = this.side.parts.view.generation;
    this.#proceed(resolution);
  }

  /** A push that leaves this request's service alone does not outdate its choice. */
  protected override get isOutdated(): boolean {
    const { view } = this.side.parts;
    if (this.#generation === view.generation) return false;
    if (view.resolve(this.asked.authority) !== this.asked.view) return true;
    this.#generation = view.generation;
    return false;
  }

  /**
   * While this request waited for a connection the rules have changed, and the control plane was told
   * that what is sent from now on follows the new ones: choose again.
   */
  override onUpstreamReady(upstream: UpstreamStream): void {
    const isCurrent = this.#generation === this.side.parts.view.generation;
    if (isCurrent || this.asked.outside !== undefined || (!this.isOutdated && this.isPoolKept)) {
      super.onUpstreamReady(upstream);
      return;
    }
    this.onAttemptEnd();
    this.asked.attemptCount--; // nothing was sent
    upstream.giveBack();
    this.chooseAgain();
  }

  protected override chooseAgain(): void {
    const { view } = this.side.parts;
    this.#generation = view.generation;
    this.asked.forgetChoice();
    this.#proceed(view.resolve(this.asked.authority));
  }

  #proceed(resolution: Resolution): void {
    const { asked } = this;
    if (resolution === "none") this.#goOutside();
    else if (resolution === "unknown") {
      // Only the mesh can mean this name: whatever DNS made of it, the request would not get there.
      const why = `the control plane has not said yet which service ${asked.authority} is, and nothing outside the mesh has such a name`;
      this.failWith(503, "NC", why, "outbound-proxy", [["retry-after", "1"]]);
    } else if (this.request.method === "CONNECT") {
      // A tunnel to a service of the mesh: what comes through it is HTTP to that service.
      asked.view = resolution;
      asked.fixedHost = asked.authority;
      this.acceptConnect();
      this.onOutcome({ status: 200, flag: "-", failedBy: "", grpcStatus: undefined });
      this.continueWithRequests();
    } else this.#routeTo(resolution);
  }

  // ---- What the rules say ----

  #routeTo(view: ServiceView): void {
    const { asked } = this;
    asked.view = view;
    if (view.portProblem !== undefined) {
      this.failWith(404, "NR", view.portProblem);
      return;
    }
    if (!this.#normalize()) return;
    const route = findRoute(view.routes, asked);
    if (route === undefined) {
      const why = `no route matches ${asked.method} ${asked.path}; ${view.routes.length} routes were tried`;
      this.failWith(404, "NR", why);
      return;
    }
    asked.route = route;
    if (route.isPlain || asked.hasActed) this.#forward(route);
    else this.#meetFault(route);
  }

  /** What is matched is what is sent on. False: there is no such path, and that was answered. */
  #normalize(): boolean {
    const { asked } = this;
    const normal = normalizePath(asked.path, this.side.parts.view.pathNormalization);
    if (normal === asked.path) return true;
    if (normal === undefined) {
      this.failWith(400, "DPE", "the path holds %00 or a fragment", "");
      return false;
    }
    asked.path = normal;
    asked.setTarget(normal);
    return true;
  }

  /** A fault stands above everything else: Istio's order is fault, CORS, router. */
  #meetFault(route: RouteView): void {
    this.asked.hasActed = true;
    const fault = drawFault(route, "request");
    if (fault === undefined) {
      this.#act(route);
      return;
    }
    this.delay(fault.delayMs, () => {
      if (fault.abort === undefined) this.#act(route);
      else this.abort(fault.abort);
    });
  }

  #act(route: RouteView): void {
    const { asked, facts } = this;
    const answer = applyCors(asked, route, facts) ?? answerOf(asked, route, facts, this.origin);
    if (answer === undefined) this.#forward(route);
    else this.respond(answer);
  }

  #forward(route: RouteView): void {
    const { asked } = this;
    asked.takeRetry(route);
    asked.bound = findBound(asked, this.trace, this.startMs, this.side.deadlines);
    asked.routeTarget = route.nextTarget();
    if (route.rewritePath !== undefined) asked.setTarget(route.rewritePath(asked.path));
    if (!this.#checkBound()) return;
    const { destination } = asked.routeTarget;
    if (!destination.isKnown) {
      const why =
        destination.subset === undefined
          ? "the rule names a service that does not exist"
          : `the rule names the subset "${destination.subset}", which no DestinationRule defines`;
      this.failWith(503, "NC", why);
      return;
    }
    // What has come by now, all of it perhaps, lies kept for the first try; further ones need it, too.
    if (this.hasBody && asked.mayWantBodyAgain) this.keepBody();
    if (route.mirrors.length > 0 && !asked.hasDrawnCopies) {
      asked.hasDrawnCopies = true;
      this.prepareCopies(route);
    }
    this.try(destination);
  }

  /** False: nobody waits any more, and that was answered. */
  #checkBound(): boolean {
    const { bound } = this.asked;
    if (bound === undefined) return true;
    this.setRouteDeadline(bound.atMs - this.startMs);
    if (bound.atMs > performance.now()) return true;
    this.failWith(504, "UT", bound.describe());
    return false;
  }

  // ---- Outside the mesh ----

  #goOutside(): void {
    const { asked } = this;
    const outside = parseAuthority(asked.authority, 80);
    if (outside === undefined) {
      this.failWith(400, "DPE", `"${asked.authority}" is not host[:port]`, "");
      return;
    }
    if (this.side.parts.view.outboundTrafficPolicy === "REGISTRY_ONLY") {
      const why = "no service of the mesh has this host, and the policy is REGISTRY_ONLY";
      this.failWith(502, "NR", why);
      return;
    }
    asked.outside = outside;
    asked.bound = findBound(asked, this.trace, this.startMs, this.side.deadlines);
    if (!this.#checkBound()) return;
    if (this.request.method === "CONNECT") this.#openTunnel(outside);
    else this.goTo(outside);
  }

  protected override goTo({ host, port }: HostPort): void {
    this.asked.attemptCount++;
    this.acquire(this.side.pools.ofHost(host, port, this.asked.isGrpc));
  }

  #openTunnel(outside: HostPort): void {
    const { sequence } = this;
    this.asked.attemptCount = 1;
    const isCurrent = () => this.isBusy && this.sequence === sequence;
    const tunnel = openTunnel(outside, this.side.parts.ownPorts, {
      onRefused: (reason) => {
        this.#tunnel = undefined;
        if (isCurrent()) this.failWith(503, "UF", reason, "network");
      },
      onReady: (connection) => {
        this.#tunnel = undefined;
        if (!isCurrent()) {
          connection.destroy();
          return;
        }
        this.asked.tunnelOpenMs = performance.now();
        this.acceptConnect();
        this.startTunnel(connection);
      },
    });
    this.#tunnel = tunnel;
  }

  protected override cancelWaiting(): void {
    super.cancelWaiting();
    this.#tunnel?.destroy();
    this.#tunnel = undefined;
  }
}
