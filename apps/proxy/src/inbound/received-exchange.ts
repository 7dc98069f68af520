import { Http1Error, type RequestParser } from "@heddle/http1";
import { lesserMs, normalizePath, parseGrpcTimeout, parseTimeoutMs } from "@heddle/mesh";
import type { DeniedBy, FailedBy } from "../core/traffic-recorder.ts";
import { OPEN_POLICY, type WorkloadPolicy } from "../core/workload-policy.ts";
import { processClock } from "../transport/deadline-clock.ts";
import type { Flag } from "../transport/failure.ts";
import { HttpExchange } from "../transport/http-exchange.ts";
import { hasControls, PROXY_FIELD } from "../transport/proxy-fields.ts";
import type { InboundCaller } from "./inbound-caller.ts";
import { InboundFacts } from "./inbound-facts.ts";
import type { InboundSide } from "./inbound-side.ts";

/**
 * A caller's request as it is taken in: its path normalised, its time bounded. What follows may take
 * time, and goes on with the policy that held when the request came.
 */
export abstract class ReceivedExchange extends HttpExchange {
  protected readonly ownBlame: FailedBy = "inbound-proxy";
  protected readonly side: InboundSide;
  protected readonly caller: InboundCaller;
  protected attemptCount = 0;
  /** Why a denied request was denied, as Envoy's response code details. */
  protected denial: string | undefined;
  /** The same for the span; also where only a shadow policy would have denied it. */
  protected denied: DeniedBy | undefined;
  #facts: InboundFacts | undefined;
  /** The caller waits this long; `undefined`: it does not say. */
  #waitMs: number | undefined;

  constructor(side: InboundSide, caller: InboundCaller) {
    super(processClock, side.timeouts, side.limits);
    this.side = side;
    this.caller = caller;
  }

  /** Decides what becomes of a request whose path is one and whose time has not passed. */
  protected abstract consider(policy: WorkloadPolicy): void;

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
    this.forget();
  }

  /** What the last request has left. */
  protected forget(): void {
    this.attemptCount = 0;
    this.denial = undefined;
    this.denied = undefined;
    this.#waitMs = undefined;
    if (this.#facts !== undefined) this.#facts.claims = undefined;
  }

  protected override decide(): void {
    const { request } = this;
    const { fields } = request;
    const traceparent = fields.findById(PROXY_FIELD.traceparent);
    const requestId = fields.findById(PROXY_FIELD.requestId);
    this.trace.begin(traceparent, requestId, this.side.decideSampling);
    this.forget();
    if (request.method === "CONNECT") {
      this.failWith(400, "DPE", "", "an inbound listener takes no CONNECT");
      return;
    }
    const policy = this.side.parts.workload.policy ?? OPEN_POLICY;
    if (this.#normalize(policy) && this.#keepTime()) this.consider(policy);
  }

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

  protected factsUnder({ trustedProxyCount }: WorkloadPolicy): InboundFacts {
    this.#facts ??= new InboundFacts(this.request, this.caller, this.side.app?.port ?? 0);
    this.#facts.trustedProxyCount = trustedProxyCount;
    return this.#facts;
  }

  /** False: with what is added it is no head that an app would take, and that was answered. */
  protected rewrite(write: (request: RequestParser) => void): boolean {
    const { request } = this;
    const { path } = request;
    const { bytes, base } = request.fields;
    try {
      write(request);
      return true;
    } catch (error) {
      // A TypeError: a name or value that no header may have.
      if (!(error instanceof Http1Error) && !(error instanceof TypeError)) throw error;
      // The bytes of the head as it was are untouched.
      request.reset();
      request.detach(request.parse(bytes, base, bytes.length));
      request.path = path;
      this.failWith(431, "-", "", "a head cannot hold what is to be told of its caller");
      return false;
    }
  }

  /** The exchange is over: nobody waits for it any more. */
  protected endTime(): void {
    if (this.#waitMs !== undefined) this.side.deadlines.forget(this.trace.spanId);
  }

  // ---- Words ----

  protected failWith(status: number, flag: Flag, failedBy: FailedBy, why: string): void {
    this.fail({ status, flag, failedBy, explanation: this.explain(why) });
  }

  /** Whom the request waits for. */
  protected get awaited(): string {
    return "the app";
  }

  protected override explainTimeout(): string {
    const { awaited } = this;
    return this.explain(`${awaited} did not answer within the ${this.#waitMs} ms its caller waits`);
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

  protected get callerWords(): string {
    const { peer, address } = this.caller;
    return `caller: ${peer?.labels.principal ?? `no identity, plaintext from ${address}`}`;
  }
}
