import {
  type FieldBlock,
  type FieldMask,
  type Http1Limits,
  type OutBuffer,
  RequestParser,
} from "@heddle/http1";
import type { FailedBy } from "../core/traffic-recorder.ts";
import type { FilterRun, FilterVerdict } from "../filters/filter-run.ts";
import type { ByteStream } from "./byte-stream.ts";
import type { DeadlineClock, Watched } from "./deadline-clock.ts";
import type { Downstream, ResponseBody } from "./downstream.ts";
import { type Failure, type OwnAnswer, reasonOf, type UpstreamFault } from "./failure.ts";
import { isGrpc, toGrpcAnswer } from "./grpc-answer.ts";
import { KeptRequest } from "./kept-request.ts";
import { processOverload, RETRY_AFTER_SECONDS } from "./overload.ts";
import { fieldNames, GRPC_STATUS_ID } from "./proxy-fields.ts";
import { TraceContext } from "./trace-context.ts";
import { Tunnel, type TunnelEnd } from "./tunnel.ts";
import type { UpstreamStream, UpstreamUser } from "./upstream-stream.ts";

/** How long a client may take. */
export type ExchangeTimeouts = {
  /** Between requests. */
  readonly idleMs: number;
  /** From the first byte of a head to its last. */
  readonly headMs: number;
  /** Without a byte in either direction while a request is under way (Envoy's stream idle timeout). */
  readonly streamIdleMs: number;
};

export const DEFAULT_TIMEOUTS: ExchangeTimeouts = Object.freeze({
  idleMs: 3_600_000,
  headMs: 10_000,
  streamIdleMs: 300_000,
});

/** What became of an exchange, for the recorder. */
export type Outcome = {
  readonly status: number;
  readonly flag: string;
  readonly failedBy: FailedBy;
  /** Of a gRPC call; empty: its answer broke off before it said one. */
  readonly grpcStatus: string | undefined;
};

/** How much of a request has gone to the upstream of the present attempt. */
export type Sent = "nothing" | "head" | "body";

/**
 * One request and its answer: decide, attempt, answer. It knows neither wire: the downstream hands the
 * request over and takes the answer, each attempt has an upstream stream. The object is reused for every
 * request of a connection or stream.
 *
 *   idle → busy (`begin`)      busy → idle (answered, failed, client gone) | tunnel → idle
 *
 * Within busy an attempt may be given up (`abandonAttempt`) and another made, as long as no response
 * head was passed on; `canRepeat` says whether the request is still whole.
 *
 * Allocation per request is what a measurement does not excuse: state lives in fields that `begin`
 * resets, ids are bytes until someone asks, heads are offsets into the bytes they came in.
 */
export abstract class HttpExchange implements UpstreamUser, Watched {
  readonly request: RequestParser;
  readonly trace = new TraceContext();
  readonly clock: DeadlineClock;
  readonly timeouts: ExchangeTimeouts;
  readonly limits: Http1Limits;
  deadlineMs = Number.POSITIVE_INFINITY;
  watchIndex = -1;
  /** The clock's time when a byte last moved. */
  activityMs = 0;
  /** Whether the whole request has come. */
  isRequestComplete = true;
  isRequestSent = false;
  /** `performance.now()` at the whole head. */
  startMs = 0;
  /** Grows with each request; what was started for an older one must not touch this one. */
  sequence = 0;
  /** Payload that has come. */
  requestBytes = 0;
  responseBytes = 0;
  /** The final status that has been sent; 0: none yet. */
  status = 0;
  /** As the answer said it, from its head or trailers; empty: not yet, or no gRPC. */
  grpcStatus = "";

  #downstream: Downstream | undefined;
  #isBusy = false;
  #isUpgradeAsked = false;
  #upstream: UpstreamStream | undefined;
  #responseBody: ResponseBody = "none";
  #routeDeadlineMs = Number.POSITIVE_INFINITY;
  #tryDeadlineMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  readonly #kept = new KeptRequest();
  /** Those that look at the request under way. */
  #filters: FilterRun | undefined;

  constructor(clock: DeadlineClock, timeouts: ExchangeTimeouts, limits: Http1Limits) {
    this.clock = clock;
    this.timeouts = timeouts;
    this.limits = limits;
    this.request = new RequestParser(fieldNames, limits);
    this.request.reset();
  }

  /** Gives the exchange whom it answers. */
  attach(downstream: Downstream): void {
    this.#downstream = downstream;
  }

  /** Whether a request is under way: what was awaited for an older `sequence` is of no use. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  protected get downstream(): Downstream {
    return this.#downstream as Downstream;
  }

  /** Whether the next request may be served; false closes the connection without an answer. */
  abstract mayServe(): boolean;
  /** Value of `x-heddle-origin` in answers this proxy makes. */
  abstract readonly origin: string;
  /** Finds an upstream: `useUpstream`, a source's "waiting", `respond` or `fail`, now or later. */
  protected abstract decide(): void;
  /** Writes the request line and the fields, but neither framing nor end. Once per attempt. */
  protected abstract writeRequestHead(out: OutBuffer): void;
  /** What of the response's fields is not passed on. */
  protected abstract responseMask(upstream: UpstreamStream): FieldMask;
  /** Writes fields the response gets on top. */
  protected abstract writeResponseFields(out: OutBuffer, upstream: UpstreamStream): void;
  /** The attempt has failed before a response head was passed on: try again or `fail`. */
  protected abstract onFault(fault: UpstreamFault): void;
  protected abstract readonly ownBlame: FailedBy;
  protected abstract explainTimeout(): string;
  /** Blame for a response that broke off after its head. */
  protected abstract readonly cutBlame: FailedBy;
  /** Whose fault an answered status is; asked once the response is whole. */
  protected abstract blameOf(status: number): FailedBy;
  protected abstract flagOfResponse(): string;
  /** The exchange is over, exactly once per request. */
  protected abstract onOutcome(outcome: Outcome): void;
  /** The upstream attempt is over (answered, failed or given up). */
  protected abstract onAttemptEnd(): void;
  protected abstract cancelWaiting(): void;
  /** For the log: a response broke off after its head had been passed on. */
  protected abstract onCut(reason: string): void;
  /** A request that could not be read gets an outcome all the same; forget what the last one left. */
  protected abstract onRefused(): void;

  /**
   * A final response head has come and nothing of it was passed on. False: it will not be, since
   * `dropResponse` was called (and another attempt started, or will be).
   */
  protected mayPassOn(_upstream: UpstreamStream): boolean {
    return true;
  }

  /** The response is whole; its trailers, if any, before they are passed on. */
  protected onTrailers(_trailers: FieldBlock | undefined): void {}

  /** Whether the request is a gRPC call; then a failure is told as gRPC's callers understand it. */
  get isGrpcCall(): boolean {
    return this.request.method === "POST" && isGrpc(this.request.fields);
  }

  #noteGrpcStatus(fields: FieldBlock | undefined): void {
    if (fields === undefined || this.request.method !== "POST") return;
    this.grpcStatus = fields.findById(GRPC_STATUS_ID) ?? this.grpcStatus;
  }

  // ---- What the client sends ----

  /** The downstream has a whole head in `request`. */
  begin(): void {
    this.#start();
    this.isRequestComplete = this.request.body === "none" || this.request.body === "tunnel";
    const overload = processOverload.reason;
    if (overload === undefined) this.decide();
    else this.#turnAway(overload);
  }

  #turnAway(reason: string): void {
    this.#forget();
    this.fail({
      status: 503,
      flag: "OM",
      failedBy: this.ownBlame,
      explanation: `${this.origin}: ${reason}`,
      fields: [["retry-after", RETRY_AFTER_SECONDS]],
    });
  }

  #forget(): void {
    this.trace.begin(undefined, undefined, () => false);
    this.onRefused();
  }

  #start(): void {
    this.#isBusy = true;
    processOverload.activeRequests++;
    this.sequence++;
    this.startMs = performance.now();
    this.activityMs = this.clock.nowMs;
    this.#routeDeadlineMs = Number.POSITIVE_INFINITY;
    this.#tryDeadlineMs = Number.POSITIVE_INFINITY;
    this.deadlineMs = this.clock.nowMs + this.timeouts.streamIdleMs;
    this.isRequestComplete = true;
    this.isRequestSent = false;
    this.#isUpgradeAsked = false;
    this.requestBytes = 0;
    this.responseBytes = 0;
    this.status = 0;
    this.grpcStatus = "";
    this.#upstream = undefined;
    this.#filters = undefined;
    this.#kept.reset();
  }

  /** A part of the body; valid during the call only. */
  onBody(bytes: Buffer, start: number, end: number): void {
    if (!this.#isBusy) return;
    this.requestBytes += end - start;
    const upstream = this.#upstream;
    if (upstream === undefined) this.#kept.add(bytes, start, end);
    else {
      this.#kept.addPassing(bytes, start, end);
      upstream.writeBody(bytes, start, end);
    }
  }

  /** The request is whole. */
  onRequestEnd(trailers: FieldBlock | undefined): void {
    if (!this.#isBusy) return;
    this.isRequestComplete = true;
    const upstream = this.#upstream;
    if (upstream === undefined || this.#kept.isWanted) this.#kept.trailers = trailers;
    if (upstream !== undefined) this.#endRequest(upstream, trailers);
  }

  #endRequest(upstream: UpstreamStream, trailers: FieldBlock | undefined): void {
    upstream.endRequest(trailers);
    this.isRequestSent = true;
  }

  /** Everything of one read has been handed over. */
  onRequestFlush(): void {
    if (this.#isBusy) this.#upstream?.flush();
  }

  /** Whether nobody could take more of the body: that is all the flow control there is. */
  get isHoldingBody(): boolean {
    if (!this.#isBusy || this.isRequestComplete) return false;
    return this.#upstream === undefined || this.#upstream.isBlocked;
  }

  onUpstreamDrain(): void {
    this.activityMs = this.clock.nowMs;
    this.downstream.updateReading();
  }

  /** The client has gone, or closed its side: nobody waits for an answer any more. */
  onDownstreamGone(): void {
    if (!this.#isBusy) return;
    this.#giveUpUpstream();
    this.#end(this.status, "DC", "");
  }

  /** The client takes bytes again. */
  onDownstreamDrain(): void {
    this.activityMs = this.clock.nowMs;
    if (this.#isBusy) this.#upstream?.resume();
  }

  /** What the client sent is no request; `isNew`: not even a whole head came. The downstream closes after it. */
  refuse(status: number, explanation: string, isNew: boolean): void {
    if (isNew) {
      this.#start();
      this.#forget();
    }
    this.fail({
      status,
      flag: "DPE",
      failedBy: "",
      explanation: `${this.origin}: ${explanation}`,
    });
  }

  // ---- Attempts ----

  /** Sends the request over a stream at hand. */
  protected useUpstream(upstream: UpstreamStream): void {
    this.#upstream = upstream;
    const out = upstream.startRequest();
    this.writeRequestHead(out);
    if (this.request.acceptsTrailers) out.text("te: trailers\r\nconnection: te\r\n");
    const { body, isUpgrade } = this.request;
    upstream.endHead(isUpgrade && body === "none" ? "tunnel" : body);
    const kept = this.#kept;
    if (kept.length > 0) {
      upstream.writeBody(kept.bytes, 0, kept.length);
      if (!kept.isWanted) kept.drop();
    }
    const { isReading } = this.downstream;
    // What is being read may bring the end within this very call, by `onRequestEnd`.
    if (this.isRequestComplete) this.#endRequest(upstream, kept.trailers);
    if (isReading) return;
    upstream.flush();
    this.downstream.updateReading();
  }

  onUpstreamReady(upstream: UpstreamStream): void {
    this.useUpstream(upstream);
  }

  onUpstreamFault(fault: UpstreamFault): void {
    this.#upstream = undefined;
    this.#tryDeadlineMs = Number.POSITIVE_INFINITY;
    this.onAttemptEnd();
    this.onFault(fault);
    if (this.#isBusy) this.downstream.updateReading();
  }

  /** How much the present attempt's upstream has been handed. */
  protected get sent(): Sent {
    if (this.#upstream === undefined) return "nothing";
    return this.requestBytes > 0 ? "body" : "head";
  }

  /** Whether the request has a body, be it one still to come. */
  protected get hasBody(): boolean {
    return this.requestBytes > 0 || !this.isRequestComplete;
  }

  /**
   * Asks for the body to be kept while it passes, so that the request can be sent again: up to 64 KiB,
   * a longer one cannot be repeated. Call it before the first attempt.
   */
  protected keepBody(): void {
    this.#kept.want();
  }

  /** Whether all of the body that has come is still at hand for another attempt. */
  protected get canRepeat(): boolean {
    return this.#kept.length === this.requestBytes;
  }

  /** What was kept of the body; all of it, if that is as long as what has come. */
  protected get keptBody(): Buffer {
    return this.#kept.bytes.subarray(0, this.#kept.length);
  }

  /** Gives up the present attempt, or the wait for one; another may follow. */
  protected abandonAttempt(): void {
    this.#giveUpUpstream();
  }

  /** Within `mayPassOn`: gives up a response that is not wanted. Its connection stays if that is cheap. */
  protected dropResponse(): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    upstream?.discard();
    this.#giveUpUpstream();
  }

  /** Bounds the whole exchange, from its head on. */
  protected setRouteDeadline(timeoutMs: number): void {
    this.#routeDeadlineMs = this.startMs + timeoutMs;
    this.deadlineMs = Math.min(this.deadlineMs, this.#routeDeadlineMs);
  }

  /** Bounds the present attempt up to its response's end; passed, it is a fault of kind `try-timeout`. */
  protected setTryDeadline(timeoutMs: number): void {
    this.#tryDeadlineMs = performance.now() + timeoutMs;
    this.deadlineMs = Math.min(this.deadlineMs, this.#tryDeadlineMs);
  }

  /** Calls `next` after `delayMs` (an injected delay, a pause before a retry) unless the exchange ends first. */
  protected after(delayMs: number, next: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      next();
    }, delayMs);
  }

  /** Shows the request to filters, then calls `next` unless one of them has answered or failed it. */
  protected filter(run: FilterRun, next: () => void): void {
    this.#filters = run;
    run.onRequestHead((verdict) => {
      if (verdict === undefined) next();
      else this.#obey(verdict);
    });
  }

  /** Why a filter has answered in the place of going on; `undefined`: none has. */
  protected get filterDetails(): string | undefined {
    return this.#filters?.details;
  }

  #obey(verdict: FilterVerdict): void {
    if ("answer" in verdict) this.respond(verdict.answer);
    else this.fail(verdict.failure);
  }

  /** False: what the filters say takes the place of the response. */
  #filterResponse(filters: FilterRun, { response }: UpstreamStream): boolean {
    const verdict = filters.onResponseHead(response);
    if (verdict === undefined) return true;
    this.dropResponse();
    this.#obey(verdict);
    return false;
  }

  #giveUpUpstream(): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    this.#tryDeadlineMs = Number.POSITIVE_INFINITY;
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    if (upstream === undefined) this.cancelWaiting();
    else upstream.abandon();
    this.onAttemptEnd();
  }

  /**
   * Passes on the wish for another protocol, but not behind a body, where some wires have no place for
   * it, and never for HTTP/2 over plaintext.
   */
  protected writeUpgrade(out: OutBuffer): void {
    const protocol = this.request.fields.find("upgrade") ?? "";
    if (this.request.body !== "none" || /h2c/i.test(protocol)) return;
    this.#isUpgradeAsked = true;
    out.text(`connection: upgrade\r\nupgrade: ${protocol}\r\n`);
  }

  get mayUpgrade(): boolean {
    return this.#isUpgradeAsked && this.isRequestSent;
  }

  // ---- The response ----

  onInformational(upstream: UpstreamStream): void {
    if (this.request.minorVersion === 0) return;
    const { downstream } = this;
    this.#writeHead(downstream.startHead(), upstream);
    downstream.endInformational();
    if (downstream.isBlocked) upstream.pause();
  }

  #writeHead(out: OutBuffer, upstream: UpstreamStream): void {
    const { response } = upstream;
    out.text(
      response.status === 200 && response.reason === "OK"
        ? "HTTP/1.1 200 OK\r\n"
        : `HTTP/1.1 ${response.status} ${response.reason}\r\n`,
    );
    out.fields(response.fields, this.responseMask(upstream));
  }

  onResponseHead(upstream: UpstreamStream): void {
    this.activityMs = this.clock.nowMs;
    if (!this.mayPassOn(upstream)) return;
    const filters = this.#filters;
    if (filters !== undefined && !this.#filterResponse(filters, upstream)) return;
    const { response } = upstream;
    this.status = response.status;
    this.#noteGrpcStatus(response.fields);
    const { body } = response;
    this.#responseBody = body === "chunked" || body === "until-close" ? "unknown" : body;
    const { downstream } = this;
    const out = downstream.startHead();
    this.#writeHead(out, upstream);
    this.writeResponseFields(out, upstream);
    filters?.writeResponseFields(out);
    downstream.endHead(this.#responseBody);
  }

  onResponseBody(bytes: Buffer, start: number, end: number): void {
    this.responseBytes += end - start;
    this.downstream.writeBody(bytes, start, end);
  }

  onResponseFlush(): void {
    this.activityMs = this.clock.nowMs;
    const { downstream } = this;
    downstream.flush();
    if (downstream.isBlocked) this.#upstream?.pause();
  }

  onResponseEnd(upstream: UpstreamStream): void {
    const { trailers } = upstream;
    this.#noteGrpcStatus(trailers);
    this.onTrailers(trailers);
    this.downstream.endBody(trailers);
    this.#upstream = undefined;
    this.onAttemptEnd();
    this.#end(this.status, this.flagOfResponse(), this.blameOf(this.status));
  }

  onUpstreamReleased(): void {
    this.downstream.finish();
  }

  onResponseCut(reason: string): void {
    this.#upstream = undefined;
    this.onAttemptEnd();
    this.onCut(reason);
    this.#end(this.status, "UC", this.cutBlame);
    // The client must be able to tell that the rest is missing.
    this.downstream.reset();
  }

  // ---- The end of an exchange ----

  /** Answers in the proxy's own name and says why. */
  protected fail(failure: Failure): void {
    const { status, flag, failedBy } = failure;
    const fields: [string, string][] = [
      ["content-type", "text/plain; charset=utf-8"],
      ["x-heddle-origin", this.origin],
    ];
    if (flag !== "-") fields.push(["x-heddle-flags", flag]);
    for (const [name, value] of failure.fields ?? []) fields.push([name, value]);
    this.respond({ status, fields, body: Buffer.from(`${failure.explanation}\n`), flag, failedBy });
  }

  /** Answers without an upstream, or instead of it; breaks off what was begun already. */
  protected respond(answer: OwnAnswer): void {
    this.#giveUpUpstream();
    if (this.status !== 0) {
      this.#end(this.status, answer.flag, answer.failedBy);
      this.downstream.reset();
      return;
    }
    const spoken = this.isGrpcCall ? toGrpcAnswer(answer) : answer;
    this.#answer(spoken);
    this.#end(spoken.status, spoken.flag, spoken.failedBy);
    this.downstream.finish();
  }

  #answer(answer: OwnAnswer): void {
    const { status, body } = answer;
    const { downstream } = this;
    this.status = status;
    this.grpcStatus = answer.grpcStatus ?? "";
    const length = body?.length ?? 0;
    const out = downstream.startHead();
    out.text(`HTTP/1.1 ${status} ${reasonOf(status)}\r\n`);
    for (const [name, value] of answer.fields) out.field(name, value);
    if (status !== 204 && status !== 304) out.text(`content-length: ${length}\r\n`);
    const hasBody = body !== undefined && length > 0 && this.request.method !== "HEAD";
    downstream.endHead(hasBody ? "length" : "none");
    if (hasBody) {
      downstream.writeBody(body, 0, length);
      this.responseBytes = length;
    }
    downstream.endBody(undefined);
  }

  #end(status: number, flag: string, failedBy: FailedBy): void {
    this.#isBusy = false;
    // The request's deadlines are met; a client that reads slowly still has the rest of its answer to come.
    this.deadlineMs = this.clock.nowMs + this.timeouts.streamIdleMs;
    processOverload.activeRequests--;
    this.#kept.reset();
    if (this.#filters !== undefined) this.#endFilters(this.#filters, status, flag);
    const grpcStatus = this.isGrpcCall ? this.grpcStatus : undefined;
    this.onOutcome({ status, flag, failedBy, grpcStatus });
  }

  #endFilters(filters: FilterRun, status: number, flags: string): void {
    const { requestBytes, responseBytes, startMs } = this;
    const durationMs = performance.now() - startMs;
    filters.end({ status, flags, durationMs, requestBytes, responseBytes });
  }

  // ---- Deadlines ----

  onDeadline(nowMs: number): void {
    if (!this.#isBusy) this.downstream.onDeadline(nowMs);
    else if (nowMs >= this.#routeDeadlineMs) {
      const explanation = this.explainTimeout();
      this.fail({ status: 504, flag: "UT", failedBy: this.ownBlame, explanation });
    } else if (nowMs >= this.#tryDeadlineMs && this.status === 0) this.#endTry();
    else this.#checkActivity(nowMs);
  }

  #endTry(): void {
    this.#giveUpUpstream();
    this.onFault({ kind: "try-timeout", reason: "the attempt took longer than it may" });
    if (this.#isBusy) this.downstream.updateReading();
  }

  #checkActivity(nowMs: number): void {
    const { streamIdleMs } = this.timeouts;
    const idleAtMs = this.activityMs + streamIdleMs;
    if (nowMs < idleAtMs) {
      const tryAtMs = this.status === 0 ? this.#tryDeadlineMs : Number.POSITIVE_INFINITY;
      this.deadlineMs = Math.min(idleAtMs, this.#routeDeadlineMs, tryAtMs);
      return;
    }
    const explanation = `${this.origin}: no byte in either direction for ${streamIdleMs} ms`;
    this.fail({ status: 504, flag: "SI", failedBy: this.ownBlame, explanation });
  }

  // ---- Tunnels ----

  onTunnel(
    upstream: UpstreamStream,
    stream: ByteStream,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    const { downstream } = this;
    this.status = upstream.response.status;
    const out = downstream.startHead();
    this.#writeHead(out, upstream);
    const protocol = upstream.response.fields.find("upgrade");
    if (protocol !== undefined) out.text(`connection: upgrade\r\nupgrade: ${protocol}\r\n`);
    this.writeResponseFields(out, upstream);
    downstream.endHead("tunnel");
    downstream.flush();
    this.startTunnel(stream).sendDown(bytes, start, end);
  }

  /** From now on bytes pass both ways as they are; the exchange's outcome comes when the tunnel ends. */
  protected startTunnel(upstream: ByteStream): Tunnel {
    this.#upstream = undefined;
    this.#isBusy = false;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    const { stream, rest } = this.downstream.startTunnel();
    const tunnel = new Tunnel(stream, upstream, this.clock, (end) => this.#endTunnel(end));
    if (rest !== undefined) tunnel.sendUp(rest, 0, rest.length);
    return tunnel;
  }

  #endTunnel(end: TunnelEnd): void {
    this.requestBytes = end.upBytes;
    this.responseBytes = end.downBytes;
    this.onAttemptEnd();
    this.#end(this.status, "-", "");
    this.downstream.onTunnelEnd();
  }

  /** Answers CONNECT with 200: what follows is the tunnel's. */
  protected acceptConnect(): void {
    const { downstream } = this;
    downstream.startHead().text("HTTP/1.1 200 Connection Established\r\n");
    downstream.endHead("tunnel");
    downstream.flush();
    this.status = 200;
  }

  /** What follows on this connection are requests again. */
  protected continueWithRequests(): void {
    this.#isBusy = false;
    processOverload.activeRequests--;
    this.downstream.continueWithRequests();
  }
}
