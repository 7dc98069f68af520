import { type FieldBlock, type Http1Limits, RequestParser } from "@heddle/http1";
import type { FailedBy } from "../core/traffic-recorder.ts";
import type { FilterRun, FilterVerdict } from "../filters/filter-run.ts";
import type { DeadlineClock, Watched } from "./deadline-clock.ts";
import type { Downstream } from "./downstream.ts";
import { ExchangeBounds } from "./exchange-bounds.ts";
import type { ExchangeTimeouts } from "./exchange-timeouts.ts";
import type { Failure, OwnAnswer, UpstreamFault } from "./failure.ts";
import { isGrpc, toGrpcAnswer } from "./grpc-answer.ts";
import { processOverload, RETRY_AFTER_SECONDS } from "./overload.ts";
import { answerOfFailure, writeOwnAnswer } from "./own-answer.ts";
import { fieldNames, GRPC_STATUS_ID } from "./proxy-fields.ts";
import { TraceContext } from "./trace-context.ts";

/** What became of an exchange, for the recorder. */
export type Outcome = {
  readonly status: number;
  readonly flag: string;
  readonly failedBy: FailedBy;
  /** Of a gRPC call; empty: its answer broke off before it said one. */
  readonly grpcStatus: string | undefined;
};

/**
 * The life of an exchange, and what the proxy itself has to say to its request: that it is out of time,
 * overloaded, what a filter or a rule answers. At the end comes the outcome, exactly once per request.
 *
 *   idle → busy (`start`)      busy → idle (`end`: answered, failed, client gone)
 */
export abstract class AnsweringExchange implements Watched {
  readonly request: RequestParser;
  readonly trace = new TraceContext();
  readonly clock: DeadlineClock;
  readonly timeouts: ExchangeTimeouts;
  readonly limits: Http1Limits;
  deadlineMs = Number.POSITIVE_INFINITY;
  watchIndex = -1;
  /** The clock's time when a byte last moved. */
  activityMs = 0;
  /** `performance.now()` at the whole head. */
  startMs = 0;
  /** Grows with each request; what was started for an older one must not touch this one. */
  sequence = 0;
  /** Whether a request is under way: what was awaited for an older `sequence` is of no use. */
  isBusy = false;
  /** Payload that has come. */
  requestBytes = 0;
  responseBytes = 0;
  /** The final status that has been sent; 0: none yet. */
  status = 0;
  /** As the answer said it, from its head or trailers; empty: not yet, or no gRPC. */
  grpcStatus = "";
  /** Those that look at the request under way. */
  protected filters: FilterRun | undefined;

  #downstream: Downstream | undefined;
  readonly #bounds = new ExchangeBounds();
  #timer: NodeJS.Timeout | undefined;

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

  protected get downstream(): Downstream {
    return this.#downstream as Downstream;
  }

  /** Whether the next request may be served; false closes the connection without an answer. */
  abstract mayServe(): boolean;
  /** Value of `x-heddle-origin` in answers this proxy makes. */
  abstract readonly origin: string;
  /** The attempt has failed before a response head was passed on: try again or `fail`. */
  protected abstract onFault(fault: UpstreamFault): void;
  protected abstract readonly ownBlame: FailedBy;
  protected abstract explainTimeout(): string;
  /** The exchange is over, exactly once per request. */
  protected abstract onOutcome(outcome: Outcome): void;
  /** A request that could not be read gets an outcome all the same; forget what the last one left. */
  protected abstract onRefused(): void;
  /** Gives up the present attempt, or the wait for one; another may follow. */
  protected abstract abandonAttempt(): void;

  /** Whether the request is a gRPC call; then a failure is told as gRPC's callers understand it. */
  get isGrpcCall(): boolean {
    return this.request.method === "POST" && isGrpc(this.request.fields);
  }

  protected noteGrpcStatus(fields: FieldBlock | undefined): void {
    if (fields === undefined || this.request.method !== "POST") return;
    this.grpcStatus = fields.findById(GRPC_STATUS_ID) ?? this.grpcStatus;
  }

  // ---- The beginning ----

  protected start(): void {
    this.isBusy = true;
    processOverload.activeRequests++;
    this.sequence++;
    this.startMs = performance.now();
    this.activityMs = this.clock.nowMs;
    this.#bounds.reset();
    this.deadlineMs = this.clock.nowMs + this.timeouts.streamIdleMs;
    this.requestBytes = 0;
    this.responseBytes = 0;
    this.status = 0;
    this.grpcStatus = "";
    this.filters = undefined;
  }

  /** Answers a request that this process has no room for. */
  protected turnAway(reason: string): void {
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

  /** What the client sent is no request; `isNew`: not even a whole head came. The downstream closes after it. */
  refuse(status: number, explanation: string, isNew: boolean): void {
    if (isNew) {
      this.start();
      this.#forget();
    }
    this.fail({
      status,
      flag: "DPE",
      failedBy: "",
      explanation: `${this.origin}: ${explanation}`,
    });
  }

  // ---- Filters ----

  /** Shows the request to filters, then calls `next` unless one of them has answered or failed it. */
  protected filter(run: FilterRun, next: () => void): void {
    this.filters = run;
    run.onRequestHead((verdict) => {
      if (verdict === undefined) next();
      else this.obey(verdict);
    });
  }

  /** Why a filter has answered in the place of going on; `undefined`: none has. */
  protected get filterDetails(): string | undefined {
    return this.filters?.details;
  }

  protected obey(verdict: FilterVerdict): void {
    if ("answer" in verdict) this.respond(verdict.answer);
    else this.fail(verdict.failure);
  }

  #endFilters(filters: FilterRun, status: number, flags: string): void {
    const { requestBytes, responseBytes, startMs } = this;
    const durationMs = performance.now() - startMs;
    filters.end({ status, flags, durationMs, requestBytes, responseBytes });
  }

  // ---- The end ----

  /** Answers in the proxy's own name and says why. */
  protected fail(failure: Failure): void {
    this.respond(answerOfFailure(failure, this.origin));
  }

  /** Answers without an upstream, or instead of it; breaks off what was begun already. */
  protected respond(answer: OwnAnswer): void {
    this.abandonAttempt();
    const { downstream } = this;
    if (this.status !== 0) {
      this.end(this.status, answer.flag, answer.failedBy);
      downstream.reset();
      return;
    }
    const spoken = this.isGrpcCall ? toGrpcAnswer(answer) : answer;
    this.status = spoken.status;
    this.grpcStatus = spoken.grpcStatus ?? "";
    this.responseBytes = writeOwnAnswer(downstream, spoken, this.request.method);
    this.end(spoken.status, spoken.flag, spoken.failedBy);
    downstream.finish();
  }

  protected end(status: number, flag: string, failedBy: FailedBy): void {
    this.isBusy = false;
    // The request's deadlines are met; a client that reads slowly still has the rest of its answer to come.
    this.deadlineMs = this.clock.nowMs + this.timeouts.streamIdleMs;
    processOverload.activeRequests--;
    if (this.filters !== undefined) this.#endFilters(this.filters, status, flag);
    const grpcStatus = this.isGrpcCall ? this.grpcStatus : undefined;
    this.onOutcome({ status, flag, failedBy, grpcStatus });
  }

  // ---- Time ----

  /** Bounds the whole exchange, from its head on. */
  protected setRouteDeadline(timeoutMs: number): void {
    this.#bounds.routeAtMs = this.startMs + timeoutMs;
    this.deadlineMs = Math.min(this.deadlineMs, this.#bounds.routeAtMs);
  }

  /** Bounds the present attempt up to its response's end; passed, it is a fault of kind `try-timeout`. */
  protected setTryDeadline(timeoutMs: number): void {
    this.#bounds.tryAtMs = performance.now() + timeoutMs;
    this.deadlineMs = Math.min(this.deadlineMs, this.#bounds.tryAtMs);
  }

  /** The present attempt is over, and whatever was to come `after` some time. */
  protected clearTryTime(): void {
    this.#bounds.tryAtMs = Number.POSITIVE_INFINITY;
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Calls `next` after `delayMs` (an injected delay, a pause before a retry) unless the exchange ends first. */
  protected after(delayMs: number, next: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      next();
    }, delayMs);
  }

  onDeadline(nowMs: number): void {
    if (!this.isBusy) {
      this.downstream.onDeadline(nowMs);
      return;
    }
    const idleAtMs = this.activityMs + this.timeouts.streamIdleMs;
    const passed = this.#bounds.check(nowMs, idleAtMs, this.status !== 0);
    if (passed === "route") this.#failLate("UT", this.explainTimeout());
    else if (passed === "try") this.#endTry();
    else if (passed === "idle") {
      const { streamIdleMs } = this.timeouts;
      this.#failLate("SI", `${this.origin}: no byte in either direction for ${streamIdleMs} ms`);
    } else this.deadlineMs = passed;
  }

  #failLate(flag: "UT" | "SI", explanation: string): void {
    this.fail({ status: 504, flag, failedBy: this.ownBlame, explanation });
  }

  #endTry(): void {
    this.abandonAttempt();
    this.onFault({ kind: "try-timeout", reason: "the attempt took longer than it may" });
    if (this.isBusy) this.downstream.updateReading();
  }
}
