import { type FieldBlock, Http1Error, type RequestParser } from "@heddle/http1";
import {
  type ExternalAuthorizer,
  lesserMs,
  normalizePath,
  parseGrpcTimeout,
  parseTimeoutMs,
  REFUSAL,
  type RuleName,
} from "@heddle/mesh";
import type { CustomAuthorization } from "../core/custom-authorization.ts";
import type { DeniedBy, FailedBy } from "../core/traffic-recorder.ts";
import { OPEN_POLICY, type WorkloadPolicy } from "../core/workload-policy.ts";
import type { FilterChain } from "../filters/active-filter.ts";
import { FilterRun } from "../filters/filter-run.ts";
import type { ActiveAuthentication } from "../tokens/active-authentication.ts";
import { processClock } from "../transport/deadline-clock.ts";
import type { Flag } from "../transport/failure.ts";
import { HttpExchange } from "../transport/http-exchange.ts";
import { hasControls, PROXY_FIELD } from "../transport/proxy-fields.ts";
import {
  challengeOf,
  rewriteRequest,
  type TokenVerdict,
  type Unauthenticated,
} from "./authentication.ts";
import { ShadowNote } from "./authorization.ts";
import {
  allFields,
  bodyFor,
  type CheckVerdict,
  deniedByCustom,
  putFields,
} from "./external-authorization.ts";
import type { InboundCaller } from "./inbound-caller.ts";
import { InboundFacts } from "./inbound-facts.ts";
import { InboundFilterHost } from "./inbound-filter-host.ts";
import type { InboundSide } from "./inbound-side.ts";
import { RateLimitNote } from "./rate-limits.ts";

const UNVERIFIABLE: Unauthenticated = {
  kind: "refused",
  reason: REFUSAL.verification,
  details: "jwt_authn_access_denied{Jwt_verification_fails}",
};

type DeniedCheck = Extract<CheckVerdict, { kind: "denied" }>;
type AllowedCheck = Extract<CheckVerdict, { kind: "allowed" }>;
type Gather = {
  readonly maxBytes: number;
  readonly policy: WorkloadPolicy;
  readonly authorizer: ExternalAuthorizer;
  readonly rule: RuleName;
};

/**
 * A caller's request on its way to the app:
 *
 *   normalise → bound → ask others → authenticate → authorize → limit → filter → attempt → …
 *
 * Each step may end in an answer. What a workload has no rules for is passed by.
 */
export abstract class AdmittingExchange extends HttpExchange {
  protected readonly ownBlame: FailedBy = "inbound-proxy";
  protected readonly side: InboundSide;
  protected readonly caller: InboundCaller;
  protected attemptCount = 0;
  /** Why a denied request was denied, as Envoy's response code details. */
  protected denial: string | undefined;
  /** The same for the span; also where only a shadow policy would have denied it. */
  protected denied: DeniedBy | undefined;
  /** What an authorizer adds to the answer; `undefined`: nothing. */
  protected granted: readonly (readonly [name: string, value: string])[] | undefined;
  /** A body is read for an authorizer to see. */
  #gather: Gather | undefined;
  /** Of the check under way. */
  #cancelCheck: (() => void) | undefined;
  #shadowNote: ShadowNote | undefined;
  #facts: InboundFacts | undefined;
  #filterHost: InboundFilterHost | undefined;
  /** Made with the first request a limit holds for. */
  #limitNote: RateLimitNote | undefined;
  /** The caller waits this long; `undefined`: it does not say. */
  #waitMs: number | undefined;

  constructor(side: InboundSide, caller: InboundCaller) {
    super(processClock, side.timeouts, side.limits);
    this.side = side;
    this.caller = caller;
  }

  /** Hands the request that was let in to the app. */
  protected abstract attempt(): void;

  override get origin(): string {
    return this.side.origin;
  }

  /** STRICT holds from the next request on, on connections that are open as well. */
  override mayServe(): boolean {
    if (this.caller.peer !== undefined) return true;
    const { side } = this;
    const { mtlsMode } = side;
    if (mtlsMode === "STRICT" || side.isDryRun) {
      side.turnAway(this.caller.address, "plaintext", mtlsMode === "STRICT");
    }
    return mtlsMode !== "STRICT";
  }

  protected override onRefused(): void {
    this.#forget();
  }

  #forget(): void {
    this.attemptCount = 0;
    this.denial = undefined;
    this.denied = undefined;
    this.#waitMs = undefined;
    if (this.#facts !== undefined) this.#facts.claims = undefined;
    this.granted = undefined;
    this.#limitNote?.clear();
  }

  protected override decide(): void {
    const { request } = this;
    const { fields } = request;
    const traceparent = fields.findById(PROXY_FIELD.traceparent);
    const requestId = fields.findById(PROXY_FIELD.requestId);
    this.trace.begin(traceparent, requestId, this.side.decideSampling);
    this.#forget();
    if (request.method === "CONNECT") {
      this.failWith(400, "DPE", "", "an inbound listener takes no CONNECT");
      return;
    }
    const policy = this.side.parts.workload.policy ?? OPEN_POLICY;
    if (!this.#normalize(policy) || !this.#keepTime()) return;
    if (policy.custom === undefined) this.#identify(policy);
    else this.#askOthers(policy, policy.custom);
  }

  #identify(policy: WorkloadPolicy): void {
    if (policy.authentication === undefined) this.#admit(policy);
    else this.#authenticate(policy, policy.authentication);
  }

  /** The request has shown who speaks in it, as far as it must. */
  #admit(policy: WorkloadPolicy): void {
    if (policy.authorization !== undefined && !this.#authorize(policy)) return;
    if (policy.rateLimits !== undefined && !this.#limit(policy)) return;
    const { inbound } = policy.filters;
    if (inbound === undefined) this.attempt();
    else this.#filterBy(inbound);
  }

  #filterBy(chain: FilterChain): void {
    this.#filterHost ??= new InboundFilterHost(this.request, this.side, this.caller);
    const voice = { origin: this.origin, blame: this.ownBlame };
    this.filter(new FilterRun(chain, this.#filterHost, voice), () => this.attempt());
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
      this.failWith(400, "DPE", "", "the path holds %00 or a fragment (path_normalization_failed)");
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
      this.failWith(504, "UT", "", "the caller's deadline had passed before the request came");
      return false;
    }
    this.setRouteDeadline(waitMs);
    const { traceId, spanId } = this.trace;
    this.side.deadlines.note(traceId, spanId, this.startMs + waitMs);
    return true;
  }

  #factsUnder({ trustedProxyCount }: WorkloadPolicy): InboundFacts {
    this.#facts ??= new InboundFacts(this.request, this.caller, this.side.app?.port ?? 0);
    this.#facts.trustedProxyCount = trustedProxyCount;
    return this.#facts;
  }

  /** What a CUSTOM rule takes in is for somebody else to decide on first. */
  #askOthers(policy: WorkloadPolicy, custom: CustomAuthorization): void {
    const facts = this.#factsUnder(policy);
    const rule = this.side.authorization.findCustom(custom, facts);
    const { authorizer, problem } = custom;
    if (problem !== undefined) this.#refuseUndecided(403, "-", problem, rule);
    else if (rule === undefined || authorizer === undefined) this.#identify(policy);
    else if (authorizer.body === undefined || this.isRequestComplete) {
      this.#check(policy, authorizer, rule);
    } else {
      this.#gather = { maxBytes: authorizer.body.maxBytes, policy, authorizer, rule };
      if (this.request.expectsContinue) {
        this.downstream.startHead().text("HTTP/1.1 100 Continue\r\n");
        this.downstream.endInformational();
      }
    }
  }

  // A body an authorizer is to see is read before there is an app to take it.

  override get isHoldingBody(): boolean {
    return this.#gather === undefined && super.isHoldingBody;
  }

  override onBody(bytes: Buffer, start: number, end: number): void {
    super.onBody(bytes, start, end);
    const gather = this.#gather;
    if (gather !== undefined && this.requestBytes > gather.maxBytes) this.#endGathering(gather);
  }

  override onRequestEnd(trailers: FieldBlock | undefined): void {
    super.onRequestEnd(trailers);
    if (this.#gather !== undefined) this.#endGathering(this.#gather);
  }

  #endGathering({ policy, authorizer, rule }: Gather): void {
    this.#gather = undefined;
    this.#check(policy, authorizer, rule);
  }

  #check(policy: WorkloadPolicy, authorizer: ExternalAuthorizer, rule: RuleName): void {
    const { request, sequence, side } = this;
    const body = bodyFor(authorizer, this.keptBody);
    if (body === "too-long") {
      const max = authorizer.body?.maxBytes;
      this.#refuseUndecided(413, "-", `a body of more than ${max} bytes cannot be checked`, rule);
      return;
    }
    const check = {
      ...{ method: request.method, path: request.path, authority: request.authority ?? "" },
      ...{ fields: allFields(request.fields), body },
    };
    this.#cancelCheck = side.externalAuthorization.ask(authorizer, check, (verdict) => {
      this.#cancelCheck = undefined;
      if (!this.isBusy || this.sequence !== sequence) return;
      if (verdict.kind === "failed") this.#onCheckFailed(policy, authorizer, rule, verdict.reason);
      else if (verdict.kind === "denied") this.#onCheckDenied(rule, verdict);
      else this.#onCheckAllowed(policy, verdict);
    });
  }

  #onCheckFailed(
    policy: WorkloadPolicy,
    { name, failsOpen, statusOnError }: ExternalAuthorizer,
    rule: RuleName,
    reason: string,
  ): void {
    const { parts, name: workload } = this.side;
    parts.logger.warn({ workload, provider: name, reason, failsOpen }, "nobody could authorize");
    if (failsOpen) this.#identify(policy);
    else {
      const why = `the extension provider ${name} could not decide`;
      this.#refuseUndecided(statusOnError, "UAEX", why, rule);
    }
  }

  #onCheckDenied(rule: RuleName, { status, fields, body }: DeniedCheck): void {
    this.denial = "ext_authz_denied";
    this.denied = deniedByCustom(rule);
    this.respond({
      status,
      fields: [...fields, ["x-heddle-origin", this.origin], ["x-heddle-flags", "UAEX"]],
      body: body.length === 0 ? undefined : body,
      flag: "UAEX",
      failedBy: status >= 400 ? "inbound-proxy" : "",
    });
  }

  #onCheckAllowed(policy: WorkloadPolicy, { toUpstream, toDownstream }: AllowedCheck): void {
    if (toDownstream.length > 0) this.granted = toDownstream;
    if (toUpstream.length > 0 && !this.#rewrite((request) => putFields(request, toUpstream)))
      return;
    this.#identify(policy);
  }

  #refuseUndecided(
    status: number,
    flag: "-" | "UAEX",
    why: string,
    rule: RuleName | undefined,
  ): void {
    this.denial = flag === "UAEX" ? "ext_authz_error" : "rbac_access_denied_matched_policy[none]";
    if (rule !== undefined) this.denied = deniedByCustom(rule);
    const policy =
      rule === undefined ? [] : [`policy: ${rule.namespace}/${rule.policy}, rule ${rule.rule}`];
    const explanation = this.explain(why, [...policy, `details: ${this.denial}`]);
    this.fail({
      status,
      flag,
      failedBy: "inbound-proxy",
      explanation: `RBAC: access denied\n${explanation}`,
    });
  }

  #authenticate(policy: WorkloadPolicy, asked: ActiveAuthentication): void {
    const { side, sequence } = this;
    const verdict = side.authentication.check(asked, this.#factsUnder(policy), Date.now());
    if (!(verdict instanceof Promise)) {
      this.#obeyVerdict(policy, asked, verdict);
      return;
    }
    const goOn = (late: TokenVerdict) => {
      if (this.isBusy && this.sequence === sequence) this.#obeyVerdict(policy, asked, late);
    };
    verdict.then(goOn, (error: unknown) => {
      side.parts.logger.error({ workload: side.name, err: error }, "a token could not be verified");
      goOn(UNVERIFIABLE);
    });
  }

  #obeyVerdict(policy: WorkloadPolicy, asked: ActiveAuthentication, verdict: TokenVerdict): void {
    const facts = this.#factsUnder(policy);
    if (verdict.kind === "refused") {
      this.#challenge(facts, verdict);
      return;
    }
    if (!this.#rewrite((request) => rewriteRequest(request, asked, verdict))) return;
    facts.claims = verdict.kind === "verified" ? verdict.verified.claims : undefined;
    this.#admit(policy);
  }

  /** False: with what is added it is no head that an app would take, and that was answered. */
  #rewrite(write: (request: RequestParser) => void): boolean {
    const { request } = this;
    const { path } = request;
    const { bytes, base } = request.fields;
    try {
      write(request);
      return true;
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      // The bytes of the head as it was are untouched.
      request.reset();
      request.detach(request.parse(bytes, base, bytes.length));
      request.path = path;
      this.failWith(431, "-", "", "the head would be too large with what is known of its caller");
      return false;
    }
  }

  #challenge(facts: InboundFacts, { reason, details }: Unauthenticated): void {
    this.denial = details;
    const { logger } = this.side.parts;
    const { method, path } = facts;
    const fields = { workload: this.side.name, method, path, details };
    logger.debug(fields, "a request's token was not taken");
    const explanation = this.explain("a RequestAuthentication refuses its token", [
      `caller: ${facts.peerIdentity ?? `no identity, plaintext from ${facts.sourceAddress}`}`,
      `details: ${details}`,
    ]);
    this.fail({
      status: 401,
      flag: "-",
      failedBy: "inbound-proxy",
      explanation: `${reason}\n${explanation}`,
      fields: [["www-authenticate", challengeOf(facts, reason)]],
    });
  }

  #authorize(policy: WorkloadPolicy): boolean {
    const { authorization, parts, name } = this.side;
    if (policy.authorization === undefined) return true;
    const facts = this.#factsUnder(policy);
    this.#shadowNote ??= new ShadowNote();
    this.#shadowNote.clear();
    const denial = authorization.checkRequest(policy.authorization, facts, this.#shadowNote);
    this.denied = denial?.by ?? this.#shadowNote.denied;
    if (denial === undefined) return true;
    const { details, lines } = denial;
    this.denial = details;
    const { method, path } = facts;
    parts.logger.debug({ workload: name, method, path, details }, "a request was not allowed");
    const explanation = this.explain("an AuthorizationPolicy refuses it", [
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
    this.side.rateLimits.take(policy.rateLimits, facts, performance.now(), note);
    const { limit, isAllowed } = note;
    if (isAllowed || limit === undefined) return true;
    const share = limit.key === undefined ? "" : `, counted by ${limit.key.kind}`;
    const explanation = this.explain("a rate limit is reached", [
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

  /** Whether a limit holds for the request, of which its answer tells. */
  protected get isLimited(): boolean {
    return this.#limitNote?.limit !== undefined;
  }

  protected get limitFields(): readonly (readonly [name: string, value: string])[] {
    return this.#limitNote?.fields ?? [];
  }

  /** The exchange is over: nobody waits for it any more. */
  protected endTime(): void {
    this.#gather = undefined;
    if (this.#cancelCheck !== undefined) {
      this.#cancelCheck();
      this.#cancelCheck = undefined;
    }
    if (this.#waitMs !== undefined) this.side.deadlines.forget(this.trace.spanId);
  }

  // ---- Words ----

  protected failWith(status: number, flag: Flag, failedBy: FailedBy, why: string): void {
    this.fail({ status, flag, failedBy, explanation: this.explain(why) });
  }

  protected override explainTimeout(): string {
    return this.explain(`the app did not answer within the ${this.#waitMs} ms its caller waits`);
  }

  protected explain(why: string, more: readonly string[] = []): string {
    const { workload } = this.side.parts;
    const { app: port } = this.side;
    const app = port === undefined ? "none" : `127.0.0.1:${port.port}`;
    const lines = [
      `${this.side.origin}: ${why}`,
      `service: ${workload.id.namespace}/${workload.service}`,
      ...more,
      `endpoints: the app at ${app}`,
    ];
    if (this.attemptCount > 1) lines.push(`attempts: ${this.attemptCount}`);
    return lines.join("\n");
  }
}
