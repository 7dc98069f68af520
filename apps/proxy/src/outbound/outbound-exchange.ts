import { type FieldBlock, type FieldMask, fieldMask, type OutBuffer } from "@heddle/http1";
import {
  admitRequest,
  backoffMs,
  describeOverflow,
  effectiveTryTimeoutMs,
  type FaultAbort,
  findRoute,
  normalizePath,
  type Outcome as TryOutcome,
} from "@heddle/mesh";
import type {
  DestinationView,
  LiveEndpoint,
  MirrorView,
  Resolution,
  RouteView,
  ServiceView,
} from "../core/mesh-view.ts";
import type { FailedBy } from "../core/traffic-recorder.ts";
import { Connection } from "../transport/connection.ts";
import { processClock } from "../transport/deadline-clock.ts";
import {
  type Flag,
  type Flags,
  flagOf,
  joinFlags,
  type UpstreamFault,
} from "../transport/failure.ts";
import { HttpExchange, type Outcome } from "../transport/http-exchange.ts";
import { GRPC_STATUS_ID, PROXY_FIELD } from "../transport/proxy-fields.ts";
import type { UpstreamSource, UpstreamStream } from "../transport/upstream-stream.ts";
import { type HostPort, parseAuthority } from "./authority.ts";
import { ExchangeFacts } from "./exchange-facts.ts";
import { explain } from "./explanation.ts";
import { isLoop } from "./loop-guard.ts";
import { copyOf } from "./mirror.ts";
import { OutboundRequest } from "./outbound-request.ts";
import type { OutboundSide } from "./outbound-side.ts";
import { reportOutcome } from "./outcome-report.ts";
import { findBound } from "./request-bounds.ts";
import { hashOf } from "./request-hash.ts";
import { appendFields, dropFields, writeRequestHead } from "./request-head.ts";
import { decideAfterFault, decideAfterResponse, type RetryVerdict } from "./retry-decision.ts";
import { answerOf, applyCors, drawFault, statusOfAbort } from "./route-actions.ts";
import { outcomeOfAnswer, outcomeOfEnd, outcomeOfFault, outcomeOfTrailers } from "./try-outcome.ts";

/** A sidecar vouches for its failure headers; anyone else's are not believed. */
const SIDECAR_RESPONSE_MASK = fieldMask([], { isHopByHop: true });
const FOREIGN_RESPONSE_MASK = fieldMask([PROXY_FIELD.origin, PROXY_FIELD.flags], {
  isHopByHop: true,
});

/**
 * A request of the app on its way to whoever its host, the routes and the balancer name.
 *
 *   resolve → route → act (fault, CORS, answer here) → try → (pause → try)* → answer
 *
 * Each step may end in `fail` or `respond`; a push between a choice and its sending chooses again.
 */
export class OutboundExchange extends HttpExchange {
  protected readonly ownBlame: FailedBy = "outbound-proxy";
  protected readonly cutBlame: FailedBy = "network";
  readonly #side: OutboundSide;
  readonly #asked: OutboundRequest;
  readonly #facts: ExchangeFacts;
  #pool: UpstreamSource | undefined;
  #tunnel: Connection | undefined;
  /** The mesh view's generation the destination was chosen under. */
  #generation = 0;
  /** The try under way counts in the endpoint's and the destination's numbers. */
  #counted: DestinationView | undefined;
  /** A further try is under way to it, or about to be. */
  #retrying: DestinationView | undefined;
  /** `performance.now()` at the try's start, where the destination learns from it. */
  #triedAtMs = 0;
  #hasLearned = true;
  #dueMirrors: readonly MirrorView[] | undefined;

  constructor(side: OutboundSide, fixedHost: string | undefined) {
    super(processClock, side.timeouts, side.limits);
    this.#side = side;
    this.#asked = new OutboundRequest(this.request, fixedHost);
    const { trace } = this;
    this.#facts = new ExchangeFacts(this.#asked, {
      get traceId() {
        return trace.traceId;
      },
      get identity() {
        return side.parts.workload.identity.spiffeId;
      },
      clientAddress: "127.0.0.1",
    });
  }

  override get origin(): string {
    return this.#side.origin;
  }

  override mayServe(): boolean {
    return true;
  }

  protected override onRefused(): void {
    this.#forget();
  }

  #forget(): void {
    this.#asked.reset();
    this.#pool = undefined;
    this.#hasLearned = true;
    this.#dueMirrors = undefined;
    this.#facts.response = undefined;
  }

  // ---- Who is meant ----

  protected override decide(): void {
    const { request } = this;
    const { fields } = request;
    const asked = this.#asked;
    this.#forget();
    const traceparent = fields.findById(PROXY_FIELD.traceparent);
    const requestId = fields.findById(PROXY_FIELD.requestId);
    this.trace.begin(traceparent, requestId, this.#side.decideSampling);
    const query = request.path.indexOf("?");
    asked.path = query < 0 ? request.path : request.path.slice(0, query);
    asked.target = request.path;
    const host =
      request.method === "CONNECT" ? request.authority : (asked.fixedHost ?? request.authority);
    asked.authority = host ?? "";
    if (host === undefined) {
      const why = "the request names no host: send a Host header with the service's name";
      this.#fail(400, "DPE", "", why);
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
    if (
      this.#asked.outside !== undefined ||
      this.#generation === this.#side.parts.view.generation
    ) {
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
    this.#asked.forgetChoice();
    this.#pool = undefined;
    this.#proceed(view.resolve(this.#asked.authority));
  }

  #proceed(resolution: Resolution): void {
    if (resolution === "none") this.#goOutside();
    else if (resolution === "unknown") this.#failUnanswered();
    else if (this.request.method === "CONNECT") {
      // A tunnel to a service of the mesh: what comes through it is HTTP to that service.
      this.#asked.view = resolution;
      this.#asked.fixedHost = this.#asked.authority;
      this.acceptConnect();
      this.onOutcome({ status: 200, flag: "-", failedBy: "" });
      this.continueWithRequests();
    } else this.#routeTo(resolution);
  }

  /** Only the mesh can mean this name: whatever DNS made of it, the request would not get there. */
  #failUnanswered(): void {
    const why = `the control plane has not said yet which service ${this.#asked.authority} is, and nothing outside the mesh has such a name`;
    this.#fail(503, "NC", "outbound-proxy", why);
  }

  // ---- What the rules say ----

  #routeTo(view: ServiceView): void {
    const asked = this.#asked;
    asked.view = view;
    if (view.portProblem !== undefined) {
      this.#fail(404, "NR", "outbound-proxy", view.portProblem);
      return;
    }
    if (!this.#normalize()) return;
    const route = findRoute(view.routes, asked);
    if (route === undefined) {
      const why = `no route matches ${asked.method} ${asked.path}; ${view.routes.length} routes were tried`;
      this.#fail(404, "NR", "outbound-proxy", why);
      return;
    }
    asked.route = route;
    if (route.isPlain || asked.hasActed) this.#forward(route);
    else this.#meetFault(route);
  }

  /** What is matched is what is sent on. False: there is no such path, and that was answered. */
  #normalize(): boolean {
    const asked = this.#asked;
    const normal = normalizePath(asked.path, this.#side.parts.view.pathNormalization);
    if (normal === asked.path) return true;
    if (normal === undefined) {
      this.#fail(400, "DPE", "", "the path holds %00 or a fragment");
      return false;
    }
    const { query } = asked;
    asked.path = normal;
    asked.target = query === undefined ? normal : `${normal}?${query}`;
    return true;
  }

  /** A fault stands above everything else: Istio's order is fault, CORS, router. */
  #meetFault(route: RouteView): void {
    this.#asked.hasActed = true;
    const fault = drawFault(route, "request");
    if (fault === undefined) {
      this.#act(route);
      return;
    }
    this.#delay(fault.delayMs, () => {
      if (fault.abort === undefined) this.#act(route);
      else this.#abort(fault.abort);
    });
  }

  #delay(delayMs: number, next: () => void): void {
    if (delayMs === 0) {
      next();
      return;
    }
    this.#asked.flags = joinFlags(this.#asked.flags, "DI");
    this.#countFault("delay");
    this.after(delayMs, next);
  }

  #abort(abort: FaultAbort): void {
    const asked = this.#asked;
    this.#countFault("abort");
    const { status, fields } = statusOfAbort(abort, asked.isGrpc);
    const why = `the answer ${status} is injected by the rule's fault: no endpoint was asked`;
    this.#fail(status, "FI", "outbound-proxy", why, fields);
  }

  #countFault(outcome: "delay" | "abort"): void {
    const service = this.#asked.destination?.service ?? this.#asked.view?.service;
    if (service) this.#side.counts.add("heddle_faults_total", service, outcome);
  }

  #act(route: RouteView): void {
    const asked = this.#asked;
    const answer =
      applyCors(asked, route, this.#facts) ?? answerOf(asked, route, this.#facts, this.origin);
    if (answer === undefined) this.#forward(route);
    else this.respond(answer);
  }

  #forward(route: RouteView): void {
    const asked = this.#asked;
    asked.takeRetry(route);
    asked.bound = findBound(asked, this.trace, this.startMs, this.#side.deadlines);
    asked.routeTarget = route.nextTarget();
    if (!route.isPlain) this.#rewrite(route);
    if (!this.#checkBound()) return;
    const { destination } = asked.routeTarget;
    if (!destination.isKnown) {
      const why =
        destination.subset === undefined
          ? "the rule names a service that does not exist"
          : `the rule names the subset "${destination.subset}", which no DestinationRule defines`;
      this.#fail(503, "NC", "outbound-proxy", why);
      return;
    }
    if (!this.isRequestComplete && asked.mayWantBodyAgain) this.keepBody();
    if (route.mirrors.length > 0 && asked.attemptCount === 0) this.#prepareMirrors(route);
    this.#try(destination);
  }

  #rewrite({ rewritePath }: RouteView): void {
    const asked = this.#asked;
    if (rewritePath === undefined) return;
    const path = rewritePath(asked.path);
    const { query } = asked;
    asked.target = query === undefined ? path : `${path}?${query}`;
  }

  /** False: nobody waits any more, and that was answered. */
  #checkBound(): boolean {
    const { bound } = this.#asked;
    if (bound === undefined) return true;
    this.setRouteDeadline(bound.atMs - this.startMs);
    if (bound.atMs > performance.now()) return true;
    this.#fail(504, "UT", "outbound-proxy", bound.describe());
    return false;
  }

  // ---- Tries ----

  #try(destination: DestinationView): void {
    const asked = this.#asked;
    const { limits } = destination;
    if (limits !== undefined) {
      const verdict = admitRequest(limits, destination.usage);
      if (verdict !== "admitted") {
        this.#failOverflow(describeOverflow(verdict));
        return;
      }
    }
    const live = this.#pick(destination);
    if (live === undefined) {
      const why =
        asked.failedTries === undefined ? "no workload serves it" : "every endpoint is gone";
      this.#fail(503, "UH", "outbound-proxy", why);
      return;
    }
    asked.live = live;
    asked.attemptCount++;
    this.#count(destination, live);
    const perTryMs = asked.retry?.policy.perTryTimeoutMs;
    if (perTryMs !== undefined) this.#boundTry(perTryMs);
    if (asked.route?.route.fault?.scope === "attempt") this.#tryWithFault(asked.route, live);
    else this.#acquire(this.#side.pools.ofEndpoint(live, destination));
  }

  #pick(destination: DestinationView): LiveEndpoint | undefined {
    const asked = this.#asked;
    if (destination.isOriginal) {
      const at = parseAuthority(asked.authority, 80);
      return at && destination.endpointAt(at.host, destination.port ?? at.port);
    }
    const { hashKey } = destination;
    const hash = hashKey && hashOf(asked, hashKey);
    const draws = [Math.random(), Math.random()] as const;
    return destination.pick(draws[0], draws[1], Date.now(), hash, asked.avoidance);
  }

  #count(destination: DestinationView, live: LiveEndpoint): void {
    this.#counted = destination;
    live.activeRequests++;
    destination.usage.requests++;
    if (this.#asked.retryCount === 0) destination.retryLedger.onRequest(this.clock.nowMs);
    this.#hasLearned = !destination.learns;
    if (destination.learns) this.#triedAtMs = performance.now();
  }

  #boundTry(perTryMs: number): void {
    const { bound } = this.#asked;
    const wholeMs = bound && bound.atMs - this.startMs;
    const tryMs = effectiveTryTimeoutMs(perTryMs, wholeMs);
    if (tryMs !== undefined) this.setTryDeadline(tryMs);
  }

  /** Below the retries: to them, and to outlier detection, it is the endpoint that is slow or fails. */
  #tryWithFault(route: RouteView, live: LiveEndpoint): void {
    const destination = this.#counted as DestinationView;
    const go = () => this.#acquire(this.#side.pools.ofEndpoint(live, destination));
    const fault = drawFault(route, "attempt");
    if (fault === undefined) {
      go();
      return;
    }
    this.#pool = undefined;
    this.#delay(fault.delayMs, () => {
      if (fault.abort === undefined) go();
      else this.#abortTry(fault.abort);
    });
  }

  #abortTry(abort: FaultAbort): void {
    const asked = this.#asked;
    const { status, fields } = statusOfAbort(abort, asked.isGrpc);
    const header = (name: string) => fields.find(([field]) => field === name)?.[1];
    this.#learn(outcomeOfAnswer(status, header("grpc-status")));
    asked.noteFailedTry(`${status}, injected by the rule's fault`);
    this.abandonAttempt();
    const verdict = decideAfterResponse(
      asked,
      { status, header },
      this.canRepeat,
      this.clock.nowMs,
    );
    if (verdict !== "retry") {
      this.#noteVerdict(verdict);
      this.#abort(abort);
      return;
    }
    this.#countFault("abort");
    this.#tryAgain(false);
  }

  #acquire(pool: UpstreamSource): void {
    this.#pool = pool;
    const got = pool.acquire(this, this.request.method);
    if (got === "waiting") return;
    if ("refusal" in got) {
      this.onAttemptEnd();
      if (got.isOverflow) this.#failOverflow(got.refusal);
      else {
        this.#asked.noteFailedTry(got.refusal);
        this.#fail(503, "UF", "outbound-proxy", got.refusal);
      }
    } else this.useUpstream(got);
  }

  protected override cancelWaiting(): void {
    this.#pool?.cancel(this);
    this.#tunnel?.destroy();
    this.#tunnel = undefined;
  }

  protected override onAttemptEnd(): void {
    if (this.#retrying !== undefined) this.#retrying.usage.retries--;
    this.#retrying = undefined;
    const destination = this.#counted;
    if (destination === undefined) return;
    this.#counted = undefined;
    destination.usage.requests--;
    if (this.#asked.live !== undefined) this.#asked.live.activeRequests--;
  }

  // ---- What becomes of a try ----

  protected override onFault(fault: UpstreamFault): void {
    const asked = this.#asked;
    asked.noteFailedTry(fault.reason);
    this.#learn(outcomeOfFault(fault));
    if (asked.outside === undefined) {
      const verdict = decideAfterFault(asked, fault, this.canRepeat, this.clock.nowMs);
      if (verdict === "retry") {
        this.#tryAgain(fault.kind === "closed" && fault.isStale);
        return;
      }
      this.#noteVerdict(verdict);
    } else if (this.#mayGoOutsideAgain(fault)) {
      asked.retryCount++;
      this.#goTo(asked.outside);
      return;
    }
    if (fault.kind === "overflow") this.#failOverflow(fault.reason);
    else {
      const { status, flag } = flagOf(fault);
      this.#fail(status, flag, "network", fault.reason);
    }
  }

  /** A kept-alive connection closed under a harmless request. */
  #mayGoOutsideAgain(fault: UpstreamFault): boolean {
    const isStale = fault.kind === "closed" && fault.isStale;
    const { retryCount, isIdempotent } = this.#asked;
    return isStale && isIdempotent && !this.hasBody && retryCount < 2;
  }

  protected override mayPassOn(upstream: UpstreamStream): boolean {
    const asked = this.#asked;
    const { route } = asked;
    if (route === undefined) return true;
    const { response } = upstream;
    if (!this.#hasLearned) this.#learnFrom(response);
    const mayRetry =
      response.status >= 400 ||
      asked.looksAtEveryAnswer ||
      response.fields.indexOfId(GRPC_STATUS_ID) >= 0;
    if (mayRetry && this.#retriesAfter(response)) return false;
    const changes = asked.routeTarget?.responseHeaders;
    if (changes !== undefined) dropFields(response.fields, changes.dropped);
    if (asked.answerFields !== undefined) {
      for (const [name] of asked.answerFields) {
        if (name !== "set-cookie") dropFields(response.fields, [name]);
      }
    }
    return true;
  }

  #retriesAfter(response: UpstreamStream["response"]): boolean {
    const asked = this.#asked;
    const facts = {
      status: response.status,
      header: (name: string) => response.fields.find(name),
    };
    const verdict = decideAfterResponse(asked, facts, this.canRepeat, this.clock.nowMs);
    if (verdict !== "retry") {
      this.#noteVerdict(verdict);
      return false;
    }
    asked.noteFailedTry(`answered ${response.status}`);
    this.dropResponse();
    this.#tryAgain(false);
    return true;
  }

  /** `isNow`: nothing is wrong with the endpoint, only with the connection that was just tried. */
  #tryAgain(isNow: boolean): void {
    const asked = this.#asked;
    const { destination, retry, live } = asked;
    if (destination === undefined || retry === undefined) return;
    asked.retryCount++;
    if (live !== undefined && !isNow) {
      asked.visited ??= [];
      asked.visited.push(live);
    }
    this.#side.counts.add("heddle_retries_total", destination.service, "retried");
    this.#retrying = destination;
    destination.usage.retries++;
    const again = () => {
      if (this.#generation !== this.#side.parts.view.generation) this.#chooseAgain();
      else this.#try(destination);
    };
    if (isNow) again();
    else this.after(backoffMs(retry.policy.backoffBaseMs, asked.retryCount, Math.random()), again);
  }

  #noteVerdict(verdict: RetryVerdict): void {
    const asked = this.#asked;
    if (verdict === "no" || asked.destination === undefined) return;
    const isLimit = verdict === "limit";
    asked.flags = joinFlags(asked.flags, isLimit ? "URX" : "UO");
    const outcome = isLimit ? "limit_reached" : "budget_exhausted";
    this.#side.counts.add("heddle_retries_total", asked.destination.service, outcome);
  }

  #learn(outcome: TryOutcome | undefined, retryAfterMs = 0): void {
    const { destination, live } = this.#asked;
    if (this.#hasLearned || outcome === undefined) return;
    this.#hasLearned = true;
    if (destination === undefined || live === undefined) return;
    const latencyMs = performance.now() - this.#triedAtMs;
    const { id } = this.#side.parts.workload;
    destination.onOutcome(live, outcome, latencyMs, retryAfterMs, id);
  }

  #learnFrom({ status, fields }: UpstreamStream["response"]): void {
    const grpcStatus = fields.findById(GRPC_STATUS_ID);
    // A gRPC answer says how it went at its end.
    if (grpcStatus === undefined && this.#asked.isGrpc) return;
    const isBusy = status === 429 || status === 503;
    const retryAfter = isBusy ? fields.find("retry-after") : undefined;
    this.#learn(outcomeOfAnswer(status, grpcStatus), this.#side.retryAfterMs(retryAfter));
  }

  protected override onTrailers(trailers: FieldBlock | undefined): void {
    if (!this.#hasLearned) this.#learn(outcomeOfTrailers(this.status, trailers));
  }

  // ---- Copies ----

  #prepareMirrors(route: RouteView): void {
    const drawn = this.#side.mirrors.draw(route.mirrors);
    if (drawn.length === 0) return;
    this.#dueMirrors = drawn;
    if (this.isRequestComplete) this.#sendCopies(undefined);
    else this.keepBody();
  }

  override onRequestEnd(trailers: FieldBlock | undefined): void {
    if (this.#dueMirrors !== undefined && this.isBusy) this.#sendCopies(this.keptBody);
    super.onRequestEnd(trailers);
  }

  /** Sent after this turn: what goes to the real endpoint is being put together just now. */
  #sendCopies(body: Buffer | undefined): void {
    const mirrors = this.#dueMirrors ?? [];
    this.#dueMirrors = undefined;
    const isWhole = body === undefined || body.length === this.requestBytes;
    const kept = body && Buffer.from(body);
    for (const mirror of mirrors) {
      const copy = isWhole ? copyOf(this.#asked, mirror, this.trace, this.#facts, kept) : undefined;
      setImmediate(() => this.#side.mirrors.send(mirror.destination, copy));
    }
  }

  // ---- Outside the mesh ----

  #goOutside(): void {
    const asked = this.#asked;
    const outside = parseAuthority(asked.authority, 80);
    if (outside === undefined) {
      this.#fail(400, "DPE", "", `"${asked.authority}" is not host[:port]`);
      return;
    }
    if (this.#side.parts.view.outboundTrafficPolicy === "REGISTRY_ONLY") {
      const why = "no service of the mesh has this host, and the policy is REGISTRY_ONLY";
      this.#fail(502, "NR", "outbound-proxy", why);
      return;
    }
    asked.outside = outside;
    asked.bound = findBound(asked, this.trace, this.startMs, this.#side.deadlines);
    if (!this.#checkBound()) return;
    if (this.request.method === "CONNECT") this.#openTunnel(outside);
    else this.#goTo(outside);
  }

  #goTo({ host, port }: HostPort): void {
    this.#asked.attemptCount++;
    this.#acquire(this.#side.pools.ofHost(host, port));
  }

  #openTunnel(outside: HostPort): void {
    const { sequence } = this;
    this.#asked.attemptCount = 1;
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
        refuse(`${this.#asked.authority} is this proxy itself`);
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
    const { live } = this.#asked;
    if (live !== undefined) live.workload.lastSendAtMs = Date.now();
    writeRequestHead(out, this.#asked, this.trace, this.#facts);
    if (this.request.isUpgrade) this.writeUpgrade(out);
  }

  protected override responseMask(): FieldMask {
    return this.#asked.isToSidecar ? SIDECAR_RESPONSE_MASK : FOREIGN_RESPONSE_MASK;
  }

  protected override writeResponseFields(out: OutBuffer, upstream: UpstreamStream): void {
    const asked = this.#asked;
    const { fields, status } = upstream.response;
    if (asked.isToSidecar) {
      asked.responseOrigin = fields.findById(PROXY_FIELD.origin) ?? "";
      asked.responseFlags = fields.findById(PROXY_FIELD.flags) ?? "-";
    }
    if (status >= 500 && asked.responseOrigin === "") out.field("x-heddle-origin", asked.appName);
    for (const [name, value] of asked.answerFields ?? []) out.field(name, value);
    const changes = asked.routeTarget?.responseHeaders;
    if (changes === undefined) return;
    this.#facts.response = upstream.response;
    this.#facts.startTimeMs = performance.timeOrigin + this.startMs;
    appendFields(out, changes, this.#facts);
  }

  // ---- Words and numbers ----

  #fail(
    status: number,
    flag: Flag,
    failedBy: FailedBy,
    why: string,
    fields?: readonly (readonly [string, string])[],
  ): void {
    const asked = this.#asked;
    const flags = joinFlags(flag, asked.flags);
    const explanation = explain(this.origin, asked, why);
    this.fail({ status, flag: flags, failedBy, explanation, fields });
  }

  /** A limit is reached: of the rule's, or of what may wait. */
  #failOverflow(reason: string): void {
    this.#fail(503, "UO", "outbound-proxy", `a limit is reached: ${reason}`, [
      ["x-envoy-overloaded", "true"],
    ]);
  }

  protected override explainTimeout(): string {
    return explain(this.origin, this.#asked, this.#asked.bound?.describe() ?? "out of time");
  }

  protected override onCut(reason: string): void {
    const { authority: host, targetName: target } = this.#asked;
    this.#side.parts.logger.warn({ host, target, reason }, "a response broke off");
  }

  protected override blameOf(status: number): FailedBy {
    if (status < 500) return "";
    return this.#asked.responseOrigin.startsWith("inbound-proxy") ? "inbound-proxy" : "app";
  }

  protected override flagOfResponse(): string {
    const { flags, responseFlags } = this.#asked;
    return flags === "-" ? responseFlags : joinFlags(responseFlags as Flags, flags);
  }

  protected override onOutcome(outcome: Outcome): void {
    if (!this.#hasLearned) this.#learn(outcomeOfEnd(outcome.flag));
    reportOutcome(this.#side, this.#asked, this.trace, this, outcome);
  }
}
