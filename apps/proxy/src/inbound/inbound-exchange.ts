import { FIELD, type FieldMask, fieldMask, isIdempotent, type OutBuffer } from "@heddle/http1";
import { lesserMs, normalizePath, parseGrpcTimeout, parseTimeoutMs } from "@heddle/mesh";
import type { FailedBy, SpanRecord } from "../core/traffic-recorder.ts";
import { OPEN_POLICY, type WorkloadPolicy } from "../core/workload-policy.ts";
import type { FilterChain } from "../filters/active-filter.ts";
import { FilterRun } from "../filters/filter-run.ts";
import { processClock } from "../transport/deadline-clock.ts";
import { type Flag, flagOf, type UpstreamFault } from "../transport/failure.ts";
import { isGrpcFailure } from "../transport/grpc-answer.ts";
import { HttpExchange, type Outcome } from "../transport/http-exchange.ts";
import { hasControls, PROXY_FIELD } from "../transport/proxy-fields.ts";
import type { SeriesTable } from "../transport/series-table.ts";
import type { UpstreamSource, UpstreamStream } from "../transport/upstream-stream.ts";
import type { InboundCaller } from "./inbound-caller.ts";
import { InboundFacts } from "./inbound-facts.ts";
import { InboundFilterHost } from "./inbound-filter-host.ts";
import type { InboundSide } from "./inbound-side.ts";
import type { MeshPeer } from "./peer-certificate.ts";
import { RATE_LIMIT_FIELDS, RateLimitNote } from "./rate-limits.ts";

const MAX_ATTEMPTS = 3;

const OWN_FIELDS = [
  FIELD.host,
  PROXY_FIELD.traceparent,
  PROXY_FIELD.requestId,
  PROXY_FIELD.forwardedProto,
  PROXY_FIELD.clientCert,
  PROXY_FIELD.peerMetadata,
  PROXY_FIELD.peerMetadataId,
  PROXY_FIELD.origin,
  PROXY_FIELD.flags,
];
/** What is withheld from the app; state without a valid trace goes with the trace it belonged to. */
function masksOf(fields: readonly number[]) {
  return {
    traced: fieldMask(fields, { isHopByHop: true }),
    untraced: fieldMask([...fields, PROXY_FIELD.tracestate], { isHopByHop: true }),
  };
}
/** A sidecar's attempt count is passed on, a stranger's is not. */
const MESH_MASKS = masksOf(OWN_FIELDS);
const PLAINTEXT_MASKS = masksOf([...OWN_FIELDS, PROXY_FIELD.attemptCount]);
/** The app cannot say that a proxy failed. */
const RESPONSE_MASK = fieldMask([PROXY_FIELD.origin, PROXY_FIELD.flags], { isHopByHop: true });

/**
 * A caller's request on its way to the app:
 *
 *   normalise → bound → authorize → limit → filter → attempt → …
 *
 * Each step may end in an answer. What a workload has no rules for is passed by.
 */
export class InboundExchange extends HttpExchange {
  protected readonly ownBlame: FailedBy = "inbound-proxy";
  protected readonly cutBlame: FailedBy = "app";
  readonly #side: InboundSide;
  readonly #caller: InboundCaller;
  #series: SeriesTable | undefined;
  #seriesGeneration = -1;
  #attemptCount = 0;
  /** Of a denial. */
  #details: string | undefined;
  #facts: InboundFacts | undefined;
  #filterHost: InboundFilterHost | undefined;
  /** Made with the first request a limit holds for. */
  #limitNote: RateLimitNote | undefined;
  /** The caller waits this long; `undefined`: it does not say. */
  #waitMs: number | undefined;
  #pool: UpstreamSource | undefined;

  constructor(side: InboundSide, caller: InboundCaller) {
    super(processClock, side.timeouts, side.limits);
    this.#side = side;
    this.#caller = caller;
  }

  get #peer(): MeshPeer | undefined {
    return this.#caller.peer;
  }

  override get origin(): string {
    return this.#side.origin;
  }

  /** STRICT holds from the next request on, on connections that are open as well. */
  override mayServe(): boolean {
    if (this.#peer !== undefined) return true;
    if (this.#side.mtlsMode !== "STRICT") return true;
    const { workload, recorder } = this.#side.parts;
    recorder.plaintextRefused(workload.id, this.#caller.address);
    return false;
  }

  protected override onRefused(): void {
    this.#forget();
  }

  #forget(): void {
    this.#attemptCount = 0;
    this.#details = undefined;
    this.#waitMs = undefined;
    this.#limitNote?.clear();
  }

  protected override decide(): void {
    const { request } = this;
    const { fields } = request;
    const traceparent = fields.findById(PROXY_FIELD.traceparent);
    const requestId = fields.findById(PROXY_FIELD.requestId);
    this.trace.begin(traceparent, requestId, this.#side.decideSampling);
    this.#forget();
    if (request.method === "CONNECT") {
      this.#fail(400, "DPE", "", "an inbound listener takes no CONNECT");
      return;
    }
    const policy = this.#side.parts.workload.policy ?? OPEN_POLICY;
    if (!this.#normalize(policy) || !this.#keepTime()) return;
    if (policy.authorization !== undefined && !this.#authorize(policy)) return;
    if (policy.rateLimits !== undefined && !this.#limit(policy)) return;
    const { inbound } = policy.filters;
    if (inbound === undefined) this.#attempt();
    else this.#filterBy(inbound);
  }

  #filterBy(chain: FilterChain): void {
    this.#filterHost ??= new InboundFilterHost(this.request, this.#side, this.#caller);
    const voice = { origin: this.origin, blame: this.ownBlame };
    this.filter(new FilterRun(chain, this.#filterHost, voice), () => this.#attempt());
  }

  // ---- What the rules say ----

  /** What is matched is what the app gets. False: there is no such path, and that was answered. */
  #normalize({ pathNormalization }: WorkloadPolicy): boolean {
    const { request } = this;
    const { path } = request;
    const mark = path.indexOf("?");
    const plain = mark < 0 ? path : path.slice(0, mark);
    const normal = normalizePath(plain, pathNormalization);
    if (normal === plain) return true;
    if (normal === undefined) {
      this.#fail(400, "DPE", "", "the path holds %00 or a fragment (path_normalization_failed)");
      return false;
    }
    request.path = mark < 0 ? normal : normal + path.slice(mark);
    return true;
  }

  /**
   * The caller's deadline bounds the work, and the calls the app makes for it. False: nobody waits any
   * more, and that was answered.
   */
  #keepTime(): boolean {
    const { fields } = this.request;
    if (!hasControls(fields)) return true;
    const grpc = fields.findById(PROXY_FIELD.grpcTimeout);
    const waitMs = lesserMs(
      parseTimeoutMs(fields.findById(PROXY_FIELD.expectedTimeout)),
      grpc === undefined ? undefined : parseGrpcTimeout(grpc),
    );
    this.#waitMs = waitMs;
    if (waitMs === undefined) return true;
    if (waitMs <= 0) {
      this.#fail(504, "UT", "", "the caller's deadline had passed before the request came");
      return false;
    }
    this.setRouteDeadline(waitMs);
    const { traceId, spanId } = this.trace;
    this.#side.deadlines.note(traceId, spanId, this.startMs + waitMs);
    return true;
  }

  #factsUnder({ trustedProxyCount }: WorkloadPolicy): InboundFacts {
    this.#facts ??= new InboundFacts(this.request, this.#caller, this.#side.app?.port ?? 0);
    this.#facts.trustedProxyCount = trustedProxyCount;
    return this.#facts;
  }

  #authorize(policy: WorkloadPolicy): boolean {
    const { authorization, parts, name } = this.#side;
    if (policy.authorization === undefined) return true;
    const facts = this.#factsUnder(policy);
    const denial = authorization.checkRequest(policy.authorization, facts);
    if (denial === undefined) return true;
    const { details, lines } = denial;
    this.#details = details;
    const { method, path } = facts;
    parts.logger.debug({ workload: name, method, path, details }, "a request was not allowed");
    const explanation = this.#explain("an AuthorizationPolicy refuses it", [
      `caller: ${facts.peerIdentity ?? `no identity, plaintext from ${facts.sourceAddress}`}`,
      ...lines,
      `details: ${details}`,
    ]);
    this.fail({
      status: 403,
      flag: "-",
      failedBy: "inbound-proxy",
      explanation: `RBAC: access denied\n${explanation}`,
    });
    return false;
  }

  #limit(policy: WorkloadPolicy): boolean {
    if (policy.rateLimits === undefined) return true;
    this.#limitNote ??= new RateLimitNote();
    const note = this.#limitNote;
    const facts = this.#factsUnder(policy);
    this.#side.rateLimits.take(policy.rateLimits, facts, performance.now(), note);
    const { limit, isAllowed } = note;
    if (isAllowed || limit === undefined) return true;
    const share = limit.key === undefined ? "" : `, counted by ${limit.key.kind}`;
    const explanation = this.#explain("a rate limit is reached", [
      `rule: ${limit.rule}, limit "${limit.name}"`,
      `allowed: ${limit.requests} in ${limit.windowMs} ms, at most ${limit.burst} at once${share}`,
    ]);
    this.fail({
      status: 429,
      flag: "RL",
      failedBy: "inbound-proxy",
      explanation: `local_rate_limited\n${explanation}`,
      fields: [...note.fields, ["x-envoy-ratelimited", "true"]],
    });
    return false;
  }

  // ---- The app ----

  #attempt(): void {
    const pool = this.isGrpcCall ? this.#side.grpcPool : this.#side.pool;
    if (pool === undefined) {
      this.#fail(503, "UH", "inbound-proxy", "this workload has no app port: it only calls others");
      return;
    }
    this.#attemptCount++;
    this.#pool = pool;
    const got = pool.acquire(this, this.request.method);
    if (got === "waiting") return;
    if ("refusal" in got) {
      const fault = { kind: got.isOverflow ? "overflow" : "connect", reason: got.refusal } as const;
      const { status, flag } = flagOf(fault);
      this.#fail(status, flag, "inbound-proxy", got.refusal);
    } else this.useUpstream(got);
  }

  protected override cancelWaiting(): void {
    this.#pool?.cancel(this);
  }

  protected override onAttemptEnd(): void {}

  protected override onFault(fault: UpstreamFault): void {
    if (this.#mayRetry(fault) && this.#attemptCount < MAX_ATTEMPTS) {
      this.#attempt();
      return;
    }
    const { status, flag } = flagOf(fault);
    // A connection refused is the sidecar's finding; an app that breaks off or talks nonsense failed itself.
    const failedBy =
      fault.kind === "connect" || fault.kind === "overflow" ? "inbound-proxy" : "app";
    this.#fail(status, flag, failedBy, fault.reason);
  }

  /** Only a kept-alive connection that closed under a harmless request: a refused app stays refused. */
  #mayRetry(fault: UpstreamFault): boolean {
    return (
      fault.kind === "closed" && fault.isStale && !this.hasBody && isIdempotent(this.request.method)
    );
  }

  protected override writeRequestHead(out: OutBuffer): void {
    const { request } = this;
    const peer = this.#peer;
    const host = request.authority ?? this.#side.parts.workload.service;
    out.text(`${request.method} ${request.path} HTTP/1.1\r\nhost: ${host}\r\n`);
    const masks = peer === undefined ? PLAINTEXT_MASKS : MESH_MASKS;
    out.fields(request.fields, this.trace.hasParent ? masks.traced : masks.untraced);
    this.trace.write(out);
    if (peer === undefined) out.text("x-forwarded-proto: http\r\n");
    else {
      out.text("x-forwarded-proto: https\r\n");
      this.#writeClientCert(out, peer);
    }
    if (request.isUpgrade) this.writeUpgrade(out);
  }

  /** Istio's APPEND_FORWARD: what earlier hops saw, then what we saw; nothing from plaintext callers. */
  #writeClientCert(out: OutBuffer, peer: MeshPeer): void {
    const { fields } = this.request;
    const isThere = fields.indexOfId(PROXY_FIELD.clientCert) >= 0;
    const earlier = isThere ? fields.find("x-forwarded-client-cert") : undefined;
    const by = this.#side.parts.workload.identity.spiffeId ?? "";
    out.text("x-forwarded-client-cert: ");
    if (earlier !== undefined && earlier !== "") out.text(`${earlier},`);
    out.text(`By=${by};${peer.certificateElement}\r\n`);
  }

  protected override responseMask(): FieldMask {
    return RESPONSE_MASK;
  }

  protected override mayPassOn(upstream: UpstreamStream): boolean {
    if (this.#limitNote?.limit !== undefined) upstream.response.fields.drop(RATE_LIMIT_FIELDS);
    return true;
  }

  protected override writeResponseFields(out: OutBuffer, upstream: UpstreamStream): void {
    if (upstream.response.status >= 500) out.field("x-heddle-origin", this.#side.appName);
    if (this.#limitNote?.limit === undefined) return;
    for (const [name, value] of this.#limitNote.fields) out.field(name, value);
  }

  #fail(status: number, flag: Flag, failedBy: FailedBy, why: string): void {
    this.fail({ status, flag, failedBy, explanation: this.#explain(why) });
  }

  protected override explainTimeout(): string {
    return this.#explain(`the app did not answer within the ${this.#waitMs} ms its caller waits`);
  }

  #explain(why: string, more: readonly string[] = []): string {
    const { workload } = this.#side.parts;
    const { app: port } = this.#side;
    const app = port === undefined ? "none" : `127.0.0.1:${port.port}`;
    const lines = [
      `${this.#side.origin}: ${why}`,
      `service: ${workload.id.namespace}/${workload.service}`,
      ...more,
      `endpoints: the app at ${app}`,
    ];
    if (this.#attemptCount > 1) lines.push(`attempts: ${this.#attemptCount}`);
    return lines.join("\n");
  }

  protected override onCut(reason: string): void {
    this.#side.parts.logger.warn(
      { workload: this.#side.name, reason },
      "the app broke off an answer",
    );
  }

  protected override blameOf(status: number): FailedBy {
    return status < 500 && !isGrpcFailure(this.grpcStatus) ? "" : "app";
  }

  protected override flagOfResponse(): string {
    return "-";
  }

  protected override onOutcome({ status, flag, failedBy, grpcStatus }: Outcome): void {
    const { recorder, workload } = this.#side.parts;
    const durationMs = performance.now() - this.startMs;
    if (this.#waitMs !== undefined) this.#side.deadlines.forget(this.trace.spanId);
    const { generation } = workload.identity;
    if (this.#series === undefined || generation !== this.#seriesGeneration) {
      this.#series = this.#side.seriesOf(this.#peer, this.#caller.address);
      this.#seriesGeneration = generation;
    }
    const series = this.#series.seriesOf(status, flag, failedBy, grpcStatus);
    recorder.record(series, durationMs, this.requestBytes, this.responseBytes);
    const { requestBytes, responseBytes } = this;
    const { signals, app } = this.#side;
    const wanted = signals.wanted(
      this.trace.isSampled,
      status,
      grpcStatus,
      durationMs,
      requestBytes,
      responseBytes,
    );
    if (wanted === 0) return;
    const query = this.request.path.indexOf("?");
    const labels = this.#peer?.labels;
    const exchange: SpanRecord = {
      kind: "server",
      workload,
      traceId: this.trace.traceId,
      spanId: this.trace.spanId,
      parentSpanId: this.trace.parentSpanId,
      startEpochMs: performance.timeOrigin + this.startMs,
      durationMs,
      method: this.request.method,
      service: workload.service,
      path: query < 0 ? this.request.path : this.request.path.slice(0, query),
      status,
      sourceWorkload: labels === undefined ? "unknown" : `${labels.namespace}/${labels.workload}`,
      destinationWorkload: this.#side.name,
      flags: flag,
      failedBy,
      details: this.#details ?? this.filterDetails,
      grpcStatus,
      requestId: this.trace.requestId,
      clientAddress: labels === undefined ? this.#caller.address : undefined,
      way: {
        rule: undefined,
        revision: workload.resource?.revision ?? 0,
        cluster: `inbound|${app?.port ?? ""}||`,
        endpoint: app && `127.0.0.1:${app.port}`,
        retryCount: Math.max(0, this.#attemptCount - 1),
      },
      authority: this.request.authority,
      protocol: grpcStatus === undefined ? `HTTP/1.${this.request.minorVersion}` : "HTTP/2",
      requestBytes,
      responseBytes,
      peerAddress: this.#caller.address,
    };
    signals.leave(wanted, exchange, (name) => this.request.fields.find(name));
  }
}
