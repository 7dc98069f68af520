import { isIdempotent, type RequestParser } from "@heddle/http1";
import { type CompiledRetry, overrideRetry, type RequestFacts } from "@heddle/mesh";
import type {
  DestinationView,
  EndpointRetry,
  LiveEndpoint,
  RouteTarget,
  RouteView,
  ServiceView,
} from "../core/mesh-view.ts";
import { looksAtEveryAnswer } from "../core/service-views.ts";
import type { Flags } from "../transport/failure.ts";
import { isGrpc } from "../transport/grpc-answer.ts";
import { hasControls, PROXY_FIELD } from "../transport/proxy-fields.ts";
import { type HostPort, parseAuthority } from "./authority.ts";
import type { Bound } from "./bound.ts";

/** One try that did not end with an answer that was passed on. */
export type FailedTry = { readonly target: string; readonly reason: string };
type Field = readonly [name: string, value: string];

/**
 * What is known of the request under way: who is asked, what was decided, what was tried. One object
 * per exchange, forgotten between requests.
 */
export class OutboundRequest implements RequestFacts {
  readonly head: RequestParser;
  /** From a local port or a CONNECT: the host of every request on this connection. */
  fixedHost: string | undefined;
  authority = "";
  /** `performance.now()` at the whole head. */
  startMs = 0;
  /** `performance.now()` when a tunnel by CONNECT was open; `undefined`: it is none. */
  tunnelOpenMs: number | undefined;
  /** As routing sees it: without query. */
  path = "/";
  /** What stands in the request line that is sent. */
  target = "/";
  view: ServiceView | undefined;
  route: RouteView | undefined;
  routeTarget: RouteTarget | undefined;
  outside: HostPort | undefined;
  live: LiveEndpoint | undefined;
  attemptCount = 0;
  failedTries: FailedTry[] | undefined;
  /** The route's policy, or the request's own. */
  retry: CompiledRetry | undefined;
  /** Whether answers below 400 may be tried again too. */
  looksAtEveryAnswer = false;
  retryCount = 0;
  /** Where the request has been. */
  visited: LiveEndpoint[] | undefined;
  bound: Bound | undefined;
  /** Of the rule's key. */
  hash: number | undefined;
  /** Whether the app asks something of the proxy by a header. */
  hasControls = false;
  /** Among these a `grpc-timeout`, which goes on as what is left of it. */
  hasGrpcTimeout = false;
  /** Raised before there was an answer: a delay that was injected, retries that were not allowed. */
  flags: Flags = "-";
  /** Whether the route's own actions (fault, CORS, mirrors) are done: choosing again does not repeat them. */
  hasActed = false;
  /** Whether the mirrors of the first route have been drawn for: once a request, however often it is tried. */
  hasDrawnCopies = false;
  /** On top of the answer's fields. */
  answerFields: Field[] | undefined;
  responseOrigin = "";
  responseFlags = "-";

  constructor(head: RequestParser, fixedHost: string | undefined) {
    this.head = head;
    this.fixedHost = fixedHost;
  }

  reset(): void {
    this.authority = "";
    this.path = "/";
    this.target = "/";
    this.forgetChoice();
    this.outside = undefined;
    this.tunnelOpenMs = undefined;
    this.attemptCount = 0;
    this.failedTries = undefined;
    this.retryCount = 0;
    this.visited = undefined;
    this.bound = undefined;
    this.hash = undefined;
    this.hasControls = false;
    this.hasGrpcTimeout = false;
    this.flags = "-";
    this.hasActed = false;
    this.hasDrawnCopies = false;
    this.answerFields = undefined;
    this.responseOrigin = "";
    this.responseFlags = "-";
  }

  /** Before the request is routed, for the first time or again. */
  forgetChoice(): void {
    this.view = undefined;
    this.route = undefined;
    this.routeTarget = undefined;
    this.live = undefined;
    this.retry = undefined;
    this.looksAtEveryAnswer = false;
  }

  /** Takes a route's retry policy, or what the request itself asks for instead. */
  takeRetry(route: RouteView): void {
    this.hasControls = hasControls(this.head.fields);
    if (!this.hasControls) {
      this.retry = route.retry;
      this.looksAtEveryAnswer = route.looksAtEveryAnswer;
      return;
    }
    const { fields } = this.head;
    this.hasGrpcTimeout ||= fields.indexOfId(PROXY_FIELD.grpcTimeout) >= 0;
    this.retry = overrideRetry(route.retry, (name) => this.header(name));
    this.looksAtEveryAnswer = looksAtEveryAnswer(this.retry);
  }

  get destination(): DestinationView | undefined {
    return this.routeTarget?.destination;
  }

  // ---- What rules look at ----

  get method(): string {
    return this.head.method;
  }

  /** Apps speak plaintext to their sidecar. */
  get scheme(): "http" {
    return "http";
  }

  get query(): string | undefined {
    const { path } = this.head;
    const mark = path.indexOf("?");
    return mark < 0 ? undefined : path.slice(mark + 1);
  }

  get port(): number | undefined {
    return this.view?.port?.number ?? parseAuthority(this.authority, 80)?.port;
  }

  header(name: string): string | undefined {
    return this.head.fields.find(name);
  }

  /** Sent twice, it does what it does once (RFC 9110 §9.2.2). */
  get isIdempotent(): boolean {
    return isIdempotent(this.head.method);
  }

  /**
   * Whether a body that has been sent may be wanted for another try. A sidecar that drains refuses
   * streams with the word that it has done nothing with them: then even a payment may be sent again.
   */
  get mayWantBodyAgain(): boolean {
    const policy = this.retry?.policy;
    if (policy === undefined || policy.attempts === 0) return false;
    if (!policy.idempotentOnly || this.isIdempotent) return true;
    const first = this.destination?.endpoints[0];
    return first?.endpoint.identity !== undefined && !first.isPlaintext;
  }

  /** Whether a sidecar answers, whose word on failures is believed. */
  get isToSidecar(): boolean {
    const mode = this.destination?.policy.tls?.mode;
    if (mode !== undefined && mode !== "ISTIO_MUTUAL") return false;
    const { live } = this;
    return live !== undefined && live.endpoint.identity !== undefined && !live.isPlaintext;
  }

  /** Istio's name of the destination: `outbound|9080|v1|reviews.shop.svc.cluster.local`. */
  get clusterName(): string | undefined {
    const { destination } = this;
    if (destination === undefined) return undefined;
    const { port, subset, fqdn } = destination;
    return `outbound|${port ?? ""}|${subset ?? ""}|${fqdn}`;
  }

  get appName(): string {
    const workload = this.live?.workload;
    return workload === undefined ? "app" : `app; workload=${workload.namespace}/${workload.name}`;
  }

  get isGrpc(): boolean {
    return isGrpc(this.head.fields);
  }

  /** What is sent instead of the path that came; the query stays. */
  setTarget(path: string): void {
    const { query } = this;
    this.target = query === undefined ? path : `${path}?${query}`;
  }

  // ---- What was tried ----

  noteVisit(): void {
    if (this.live === undefined) return;
    this.visited ??= [];
    this.visited.push(this.live);
  }

  noteFailedTry(reason: string): void {
    this.failedTries ??= [];
    this.failedTries.push({ target: this.targetName, reason });
  }

  get targetName(): string {
    const { live } = this;
    if (live === undefined) return this.authority;
    const { address, namespace, workload } = live.endpoint;
    return `${address}:${live.port} (${namespace}/${workload})`;
  }

  /** Where the next try should rather not go; `undefined`: anywhere. */
  get avoidance(): EndpointRetry | undefined {
    const { visited, retry, route } = this;
    if (visited === undefined || retry === undefined) return undefined;
    const { avoidsPrevious, leavesLocality } = retry.policy;
    // Istio's default policy leaves a consistent hash where it points; a rule's own says what it says.
    const isSticky = route?.route.retries === undefined && this.destination?.hashKey !== undefined;
    return { avoid: avoidsPrevious && !isSticky ? visited : [], leavesLocality };
  }

  addAnswerField(name: string, value: string): void {
    this.answerFields ??= [];
    this.answerFields.push([name, value]);
  }
}
