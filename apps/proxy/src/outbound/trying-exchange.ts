import type { FieldBlock } from "@heddle/http1";
import {
  admitRequest,
  backoffMs,
  describeOverflow,
  effectiveTryTimeoutMs,
  type FaultAbort,
} from "@heddle/mesh";
import type { DestinationView, LiveEndpoint, RouteView } from "../core/mesh-view.ts";
import type { Outcome } from "../transport/answering-exchange.ts";
import { flagOf, joinFlags, type UpstreamFault } from "../transport/failure.ts";
import { GRPC_STATUS_ID } from "../transport/proxy-fields.ts";
import type { UpstreamSource, UpstreamStream } from "../transport/upstream-stream.ts";
import { type HostPort, parseAuthority } from "./authority.ts";
import { DueCopies } from "./due-copies.ts";
import type { OutboundSide } from "./outbound-side.ts";
import { ReportingExchange } from "./reporting-exchange.ts";
import { hashOf } from "./request-hash.ts";
import { dropReplaced } from "./response-head.ts";
import { decideAfterFault, decideAfterResponse, type RetryVerdict } from "./retry-decision.ts";
import { drawFault, statusOfAbort } from "./route-actions.ts";
import { TryAccount } from "./try-account.ts";
import { outcomeOfAnswer, outcomeOfEnd, outcomeOfFault } from "./try-outcome.ts";

/**
 * The second half of a request's way out: its destination is chosen, and it is tried until an answer
 * can be passed on.
 *
 *   try → answered → passed on | (pause → try)* → `fail`
 */
export abstract class TryingExchange extends ReportingExchange {
  readonly #account: TryAccount;
  #pool: UpstreamSource | undefined;
  readonly #copies: DueCopies;

  constructor(side: OutboundSide, fixedHost: string | undefined) {
    super(side, fixedHost);
    this.#account = new TryAccount(side.parts.workload.id);
    this.#copies = new DueCopies(side, this.asked, this.trace, this.facts);
  }

  /** A push has come between the choice and its sending. */
  protected abstract readonly isOutdated: boolean;
  protected abstract chooseAgain(): void;
  /** Goes to a host outside the mesh once more. */
  protected abstract goTo(outside: HostPort): void;

  protected forget(): void {
    this.asked.reset();
    this.#account.settle();
    this.#pool = undefined;
    this.#copies.forget();
    this.facts.response = undefined;
  }

  // ---- Tries ----

  protected try(destination: DestinationView): void {
    const { asked } = this;
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
      const isFirst = asked.failedTries === undefined;
      this.failWith(503, "UH", isFirst ? "no workload serves it" : "every endpoint is gone");
      return;
    }
    asked.live = live;
    asked.attemptCount++;
    this.#account.open(destination, live);
    if (asked.retryCount === 0) destination.retryLedger.onRequest(this.clock.nowMs);
    const perTryMs = asked.retry?.policy.perTryTimeoutMs;
    if (perTryMs !== undefined) this.#boundTry(perTryMs);
    if (asked.route?.route.fault?.scope === "attempt") this.#tryWithFault(asked.route, live);
    else this.acquire(this.#poolOf(live, destination));
  }

  #poolOf(live: LiveEndpoint, destination: DestinationView): UpstreamSource {
    return this.side.pools.ofEndpoint(live, destination, this.asked, this.downstream.isHttp2);
  }

  /** Whether the endpoint chosen still serves the destination, and is reached in the same way. */
  protected get isPoolKept(): boolean {
    const { live, destination } = this.asked;
    if (live === undefined || destination?.endpoints.includes(live) !== true) return false;
    return this.#poolOf(live, destination) === this.#pool;
  }

  #pick(destination: DestinationView): LiveEndpoint | undefined {
    const { asked } = this;
    if (destination.isOriginal) {
      const at = parseAuthority(asked.authority, 80);
      return at && destination.endpointAt(at.host, destination.port ?? at.port);
    }
    const { hashKey } = destination;
    const hash = hashKey && hashOf(asked, hashKey, this.side.caller);
    return destination.pick(Math.random(), Math.random(), Date.now(), hash, asked.avoidance);
  }

  #boundTry(perTryMs: number): void {
    const { bound } = this.asked;
    const wholeMs = bound && bound.atMs - this.startMs;
    const tryMs = effectiveTryTimeoutMs(perTryMs, wholeMs);
    if (tryMs !== undefined) this.setTryDeadline(tryMs);
  }

  protected acquire(pool: UpstreamSource): void {
    this.#pool = pool;
    const got = pool.acquire(this, this.request.method);
    if (got === "waiting") return;
    if (!("refusal" in got)) {
      this.useUpstream(got);
      return;
    }
    this.onAttemptEnd();
    if (got.isOverflow) this.#failOverflow(got.refusal);
    else {
      this.asked.noteFailedTry(got.refusal);
      this.failWith(503, "UF", got.refusal);
    }
  }

  protected override cancelWaiting(): void {
    this.#pool?.cancel(this);
  }

  protected override onAttemptEnd(): void {
    this.#account.close();
  }

  // ---- Faults below the retries ----

  /** To retries and outlier detection it is the endpoint that is slow or fails. */
  #tryWithFault(route: RouteView, live: LiveEndpoint): void {
    const { destination } = this.asked;
    if (destination === undefined) return;
    const go = () => this.acquire(this.#poolOf(live, destination));
    const fault = drawFault(route, "attempt");
    this.#pool = undefined;
    if (fault === undefined) {
      go();
      return;
    }
    this.delay(fault.delayMs, () => {
      if (fault.abort === undefined) go();
      else this.#abortTry(fault.abort);
    });
  }

  #abortTry(abort: FaultAbort): void {
    const { asked } = this;
    const { status, fields } = statusOfAbort(abort, asked.isGrpc);
    const header = (name: string) => fields.find(([field]) => field === name)?.[1];
    this.#account.learn(outcomeOfAnswer(status, header("grpc-status")));
    asked.noteFailedTry(`${status}, injected by the rule's fault`);
    this.abandonAttempt();
    if (this.#retriesAfter({ status, header })) this.countFault("abort");
    else this.abort(abort);
  }

  // ---- What becomes of a try ----

  protected override onFault(fault: UpstreamFault): void {
    const { asked } = this;
    asked.noteFailedTry(fault.reason);
    this.#account.learn(outcomeOfFault(fault));
    if (fault.kind === "connect") this.#account.noteUnreachable(fault.reason);
    const isStale = fault.kind === "closed" && fault.isStale;
    if (asked.outside !== undefined) {
      if (isStale && asked.isIdempotent && !this.hasBody && asked.retryCount++ < 2) {
        this.goTo(asked.outside);
        return;
      }
    } else {
      const verdict = decideAfterFault(asked, fault, this.canRepeat, this.clock.nowMs);
      if (verdict === "retry") {
        this.#tryAgain(isStale);
        return;
      }
      this.#noteVerdict(verdict);
    }
    if (fault.kind === "overflow") this.#failOverflow(fault.reason);
    else {
      const { status, flag } = flagOf(fault);
      this.failWith(status, flag, fault.reason, "network");
    }
  }

  protected override mayPassOn(upstream: UpstreamStream): boolean {
    const { asked } = this;
    if (asked.route === undefined) return true;
    const { response } = upstream;
    const { fields, status } = response;
    if (asked.live?.unreachable !== undefined) asked.live.unreachable = undefined;
    if (this.#account.isOpen) this.#account.learnFromHead(response, asked.isGrpc);
    const mayBeTriedAgain =
      status >= 400 || asked.looksAtEveryAnswer || fields.indexOfId(GRPC_STATUS_ID) >= 0;
    if (mayBeTriedAgain) {
      const facts = { status, header: (name: string) => fields.find(name) };
      if (this.#retriesAfter(facts, () => this.dropResponse())) return false;
    }
    if (!asked.route.isPlain || asked.answerFields !== undefined) dropReplaced(asked, fields);
    return true;
  }

  /** `drop` gives up the response before the next try begins. */
  #retriesAfter(response: Parameters<typeof decideAfterResponse>[1], drop?: () => void): boolean {
    const { asked } = this;
    const verdict = decideAfterResponse(asked, response, this.canRepeat, this.clock.nowMs);
    if (verdict !== "retry") {
      this.#noteVerdict(verdict);
      return false;
    }
    if (drop !== undefined) {
      asked.noteFailedTry(`answered ${response.status}`);
      drop();
    }
    this.#tryAgain(false);
    return true;
  }

  /** `isNow`: nothing is wrong with the endpoint, only with the connection that was just tried. */
  #tryAgain(isNow: boolean): void {
    const { asked } = this;
    const { destination, retry } = asked;
    if (destination === undefined || retry === undefined) return;
    asked.retryCount++;
    if (!isNow) asked.noteVisit();
    const failed = asked.live?.workload;
    this.side.counts.add("heddle_retries_total", destination.service, "retried", failed);
    this.#account.openRetry(destination);
    const again = () => {
      if (this.isOutdated) this.chooseAgain();
      else this.try(destination);
    };
    if (isNow) again();
    else this.after(backoffMs(retry.policy.backoffBaseMs, asked.retryCount, Math.random()), again);
  }

  #noteVerdict(verdict: RetryVerdict): void {
    const { asked } = this;
    if (verdict === "no" || asked.destination === undefined) return;
    const isLimit = verdict === "limit";
    asked.flags = joinFlags(asked.flags, isLimit ? "URX" : "UO");
    const outcome = isLimit ? "limit_reached" : "budget_exhausted";
    this.side.counts.add("heddle_retries_total", asked.destination.service, outcome);
  }

  protected override onTrailers(trailers: FieldBlock | undefined): void {
    if (this.#account.isOpen) this.#account.learnFromTrailers(this.status, trailers);
  }

  // ---- Copies ----

  protected prepareCopies(route: RouteView): void {
    this.#copies.draw(route);
    if (!this.#copies.areDue) return;
    // A body may have come while the destination was asked for: it lies kept, as for the real endpoint.
    if (this.isRequestComplete) this.#copies.send(this.keptBody, this.requestBytes);
    else this.keepBody();
  }

  override onRequestEnd(trailers: FieldBlock | undefined): void {
    if (this.#copies.areDue && this.isBusy) this.#copies.send(this.keptBody, this.requestBytes);
    super.onRequestEnd(trailers);
  }

  /** A limit is reached: of the rule's, or of what may wait. */
  #failOverflow(reason: string): void {
    this.#account.settle();
    this.asked.destination?.noteOverflow(reason, this.side.parts.workload.id);
    this.failWith(503, "UO", `a limit is reached: ${reason}`, "outbound-proxy", [
      ["x-envoy-overloaded", "true"],
    ]);
  }

  protected override onOutcome(outcome: Outcome): void {
    if (this.#account.isOpen) this.#account.learn(outcomeOfEnd(outcome.flag));
    super.onOutcome(outcome);
  }
}
