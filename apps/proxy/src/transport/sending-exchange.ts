import type { FieldBlock, OutBuffer } from "@heddle/http1";
import type { FailedBy } from "../core/traffic-recorder.ts";
import { AnsweringExchange } from "./answering-exchange.ts";
import type { UpstreamFault } from "./failure.ts";
import { KeptRequest } from "./kept-request.ts";
import { processOverload } from "./overload.ts";
import type { UpstreamStream } from "./upstream-stream.ts";

/**
 * The way of a request to an upstream: decided, attempted, its body passed on as it comes.
 *
 * An attempt may be given up (`abandonAttempt`) and another made, as long as no response head was passed
 * on; `canRepeat` says whether the request is still whole.
 */
export abstract class SendingExchange extends AnsweringExchange {
  /** Whether the whole request has come. */
  isRequestComplete = true;
  isRequestSent = false;
  /** Of the present attempt; `undefined`: none is sent to. */
  protected upstream: UpstreamStream | undefined;
  #isUpgradeAsked = false;
  readonly #kept = new KeptRequest();

  /** Finds an upstream: `useUpstream`, a source's "waiting", `respond` or `fail`, now or later. */
  protected abstract decide(): void;
  /** Writes the request line and the fields, but neither framing nor end. Once per attempt. */
  protected abstract writeRequestHead(out: OutBuffer): void;
  /** The upstream attempt is over (answered, failed or given up). */
  protected abstract onAttemptEnd(): void;
  protected abstract cancelWaiting(): void;

  // ---- What the client sends ----

  /** The downstream has a whole head in `request`. */
  begin(): void {
    this.start();
    this.isRequestComplete = this.request.body === "none" || this.request.body === "tunnel";
    const overload = processOverload.reason;
    if (overload === undefined) this.decide();
    else this.turnAway(overload);
  }

  protected override start(): void {
    super.start();
    this.isRequestComplete = true;
    this.isRequestSent = false;
    this.#isUpgradeAsked = false;
    this.upstream = undefined;
    this.#kept.reset();
  }

  protected override end(status: number, flag: string, failedBy: FailedBy): void {
    this.#kept.reset();
    super.end(status, flag, failedBy);
  }

  /** A part of the body; valid during the call only. */
  onBody(bytes: Buffer, start: number, end: number): void {
    if (!this.isBusy) return;
    this.requestBytes += end - start;
    const { upstream } = this;
    if (upstream === undefined) this.#kept.add(bytes, start, end);
    else {
      this.#kept.addPassing(bytes, start, end);
      upstream.writeBody(bytes, start, end);
    }
  }

  /** The request is whole. */
  onRequestEnd(trailers: FieldBlock | undefined): void {
    if (!this.isBusy) return;
    this.isRequestComplete = true;
    const { upstream } = this;
    if (upstream === undefined || this.#kept.isWanted) this.#kept.trailers = trailers;
    if (upstream !== undefined) this.#endRequest(upstream, trailers);
  }

  #endRequest(upstream: UpstreamStream, trailers: FieldBlock | undefined): void {
    upstream.endRequest(trailers);
    this.isRequestSent = true;
  }

  /** Everything of one read has been handed over. */
  onRequestFlush(): void {
    if (this.isBusy) this.upstream?.flush();
  }

  /** Whether nobody could take more of the body: that is all the flow control there is. */
  get isHoldingBody(): boolean {
    if (!this.isBusy || this.isRequestComplete) return false;
    return this.upstream === undefined || this.upstream.isBlocked;
  }

  onUpstreamDrain(): void {
    this.activityMs = this.clock.nowMs;
    this.downstream.updateReading();
  }

  /** The client has gone, or closed its side: nobody waits for an answer any more. */
  onDownstreamGone(): void {
    if (!this.isBusy) return;
    this.abandonAttempt();
    this.end(this.status, "DC", "");
  }

  /** The client takes bytes again. */
  onDownstreamDrain(): void {
    this.activityMs = this.clock.nowMs;
    if (this.isBusy) this.upstream?.resume();
  }

  // ---- Attempts ----

  /** Sends the request over a stream at hand. */
  protected useUpstream(upstream: UpstreamStream): void {
    this.upstream = upstream;
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
    this.upstream = undefined;
    this.clearTryTime();
    this.onAttemptEnd();
    this.onFault(fault);
    if (this.isBusy) this.downstream.updateReading();
  }

  protected override abandonAttempt(): void {
    const { upstream } = this;
    this.upstream = undefined;
    this.clearTryTime();
    if (upstream === undefined) this.cancelWaiting();
    else upstream.abandon();
    this.onAttemptEnd();
  }

  // ---- What could be sent again ----

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

  // ---- Another protocol ----

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
}
