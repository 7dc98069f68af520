import { BodyReader, type FieldMask, Http1Error, OutBuffer, RequestParser } from "@heddle/http1";
import type { FailedBy } from "../core/traffic-recorder.ts";
import type { Connection, ConnectionHandler } from "./connection.ts";
import type { DeadlineClock, Watched } from "./deadline-clock.ts";
import { type Failure, reasonOf, type UpstreamFault } from "./failure.ts";
import { fieldNames, TRAILER_MASK } from "./proxy-fields.ts";
import { TraceContext } from "./trace-context.ts";
import { Tunnel, type TunnelEnd } from "./tunnel.ts";
import type { UpstreamConnection, UpstreamUser } from "./upstream-connection.ts";

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

/** After a refusal the rest of what the client sends is read this long, so that it sees the answer. */
const LINGER_MS = 1_000;
const LINGER_BYTES = 1_048_576;

const FIRST_OUT_BYTES = 65_536 + 8_192;
/**
 * Everything on its way out is put together in one of these and written within the same call, so one
 * of each serves all connections.
 */
const toUpstream = new OutBuffer(FIRST_OUT_BYTES);
const toDownstream = new OutBuffer(FIRST_OUT_BYTES);

type Phase = "idle" | "head" | "busy" | "lingering" | "over";
type ResponseFraming = "none" | "length" | "chunked" | "until-close";

/** What became of an exchange, for the recorder. */
export type Outcome = {
  readonly status: number;
  readonly flag: string;
  readonly failedBy: FailedBy;
};

/**
 * A client's connection and the one exchange on it at a time, passed on to an upstream: what the
 * inbound and the outbound side have in common. The object is reused for every request.
 *
 *   idle → head (first byte) | busy (whole head)    head → busy | lingering (refused, too slow)
 *   busy → idle (answered, keep-alive) | lingering (answered, closing) | over (tunnel, client gone)
 *   lingering → over (client closed, deadline)
 *
 * Allocation per request is what a measurement does not excuse: state lives in fields that `#begin`
 * resets, ids are bytes until someone asks, heads are offsets into the bytes they came in.
 */
export abstract class HttpExchange implements ConnectionHandler, UpstreamUser, Watched {
  readonly request = new RequestParser(fieldNames);
  readonly requestBody = new BodyReader(fieldNames);
  readonly trace = new TraceContext();
  readonly clock: DeadlineClock;
  deadlineMs: number;
  watchIndex = -1;
  isRequestSent = false;
  /** `performance.now()` at the whole head. */
  startMs = 0;
  /** Grows with each request; what was started for an older one must not touch this one. */
  sequence = 0;
  responseBytes = 0;
  /** The final status that has been sent; 0: none yet. */
  status = 0;

  readonly #timeouts: ExchangeTimeouts;
  #downstream: Connection | undefined;
  #phase: Phase = "idle";
  #upstream: UpstreamConnection | undefined;
  #responseFraming: ResponseFraming = "none";
  #keepsAlive = true;
  #isDraining = false;
  #isConsuming = false;
  #routeDeadlineMs = Number.POSITIVE_INFINITY;
  #activityMs = 0;
  #lingeredBytes = 0;
  /** Body bytes that came before there was an upstream to take them. */
  #held: OutBuffer | undefined;
  /** What the client sent beyond the request in hand. */
  #stash: Buffer | undefined;
  #stashAt = 0;

  constructor(clock: DeadlineClock, timeouts: ExchangeTimeouts) {
    this.clock = clock;
    this.#timeouts = timeouts;
    this.deadlineMs = clock.nowMs + timeouts.idleMs;
    this.request.reset();
  }

  /** Gives the exchange its connection, once. */
  attach(downstream: Connection): void {
    this.#downstream = downstream;
    this.clock.watch(this);
  }

  /** Whether a request is under way: what was awaited for an older `sequence` is of no use. */
  protected get isBusy(): boolean {
    return this.#phase === "busy";
  }

  protected get downstream(): Connection {
    return this.#downstream as Connection;
  }

  /** Whether the next request may be served; false closes the connection without an answer. */
  protected abstract mayServe(): boolean;
  /** Finds an upstream: `useUpstream`, `waitForUpstream` or `fail`, now or later. */
  protected abstract decide(): void;
  /** Writes the request head, all but its final empty line and the framing of a chunked body. */
  protected abstract writeRequestHead(out: OutBuffer): void;
  /** What of the response's fields is not passed on. */
  protected abstract responseMask(upstream: UpstreamConnection): FieldMask;
  /** Writes fields the response gets on top. */
  protected abstract writeResponseFields(out: OutBuffer, upstream: UpstreamConnection): void;
  /** The attempt has failed before a response head: try again or `fail`. */
  protected abstract onFault(fault: UpstreamFault): void;
  /** Value of `x-heddle-origin` in answers this proxy makes. */
  protected abstract readonly origin: string;
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
  /** The connection is gone. */
  protected abstract onGone(): void;
  protected abstract cancelWaiting(): void;

  // ---- What the client sends ----

  onData(bytes: Buffer, start: number, end: number): void {
    this.#activityMs = this.clock.nowMs;
    if (this.#phase === "over") return;
    if (this.#phase === "lingering") {
      this.#lingeredBytes += end - start;
      if (this.#lingeredBytes > LINGER_BYTES) this.downstream.destroy();
      return;
    }
    if (this.#stash !== undefined) this.#addToStash(bytes, start, end);
    else this.#consume(bytes, start, end);
  }

  #consume(bytes: Buffer, start: number, end: number): void {
    this.#isConsuming = true;
    let at = start;
    try {
      while (at < end && this.#phase !== "lingering" && this.#phase !== "over") {
        if (this.#phase !== "busy") at = this.#readHead(bytes, at, end);
        else if (this.requestBody.isComplete) break;
        if (this.#phase === "busy" && !this.requestBody.isComplete) {
          at = this.requestBody.read(bytes, at, end, this);
        }
      }
      this.#flushRequest();
    } catch (error) {
      toUpstream.clear();
      if (!(error instanceof Http1Error)) throw error;
      this.#refuse(error);
    } finally {
      this.#isConsuming = false;
    }
    if (this.#phase === "busy" && at < end) this.#keepRest(bytes, at, end);
    else if (bytes === this.#stash) this.#stash = undefined;
    this.#updateReading();
  }

  #readHead(bytes: Buffer, start: number, end: number): number {
    if (!this.mayServe()) {
      this.#close();
      return end;
    }
    const next = this.request.parse(bytes, start, end);
    if (next < 0) {
      if (this.#phase === "idle") this.deadlineMs = this.clock.nowMs + this.#timeouts.headMs;
      this.#phase = "head";
      return end;
    }
    this.request.detach(next);
    this.#begin();
    this.decide();
    return next;
  }

  #begin(): void {
    this.#phase = "busy";
    this.sequence++;
    this.startMs = performance.now();
    this.#activityMs = this.clock.nowMs;
    this.#routeDeadlineMs = Number.POSITIVE_INFINITY;
    this.deadlineMs = this.clock.nowMs + this.#timeouts.streamIdleMs;
    this.isRequestSent = false;
    this.responseBytes = 0;
    this.status = 0;
    this.#upstream = undefined;
    this.#keepsAlive = this.request.keepAlive;
    this.requestBody.reset(this.request.body, this.request.contentLength);
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    if (this.#upstream === undefined) {
      this.#held ??= new OutBuffer(Math.max(1_024, end - start));
      this.#held.copy(bytes, start, end);
    } else if (this.requestBody.kind === "chunked") toUpstream.chunk(bytes, start, end);
    else toUpstream.copy(bytes, start, end);
  }

  /** Hands over what this read brought; also the end of the request, once. */
  #flushRequest(): void {
    const upstream = this.#upstream;
    if (upstream === undefined || this.#phase !== "busy") return;
    if (!this.isRequestSent && this.requestBody.isComplete) {
      if (this.requestBody.kind === "chunked") {
        toUpstream.endChunks(this.requestBody.trailers, TRAILER_MASK);
      }
      this.isRequestSent = true;
    }
    upstream.connection.write(toUpstream);
  }

  #keepRest(bytes: Buffer, at: number, end: number): void {
    if (bytes === this.#stash) this.#stashAt = at;
    else {
      this.#stash = Buffer.from(bytes.subarray(at, end));
      this.#stashAt = 0;
    }
  }

  #addToStash(bytes: Buffer, start: number, end: number): void {
    const rest = this.#stash?.subarray(this.#stashAt) ?? Buffer.alloc(0);
    this.#stash = Buffer.concat([rest, bytes.subarray(start, end)]);
    this.#stashAt = 0;
    this.#updateReading();
  }

  /** Stops reading while nobody could take what would come: that is all the flow control there is. */
  #updateReading(): void {
    if (this.#phase === "over") return;
    const upstream = this.#upstream;
    const isHeldUp =
      this.#phase === "busy" &&
      !this.requestBody.isComplete &&
      (upstream === undefined || upstream.connection.isBlocked);
    if (this.#stash !== undefined || isHeldUp || this.#isHeldByDownstream())
      this.downstream.pause();
    else this.downstream.resume();
  }

  /** A client that sends requests but does not read the answers gets no more of them. */
  #isHeldByDownstream(): boolean {
    return this.#phase === "idle" && this.downstream.isBlocked;
  }

  onUpstreamDrain(): void {
    this.#activityMs = this.clock.nowMs;
    this.#updateReading();
  }

  /** The client has closed its side: nobody waits for an answer any more (as Envoy and nginx see it). */
  onEnd(): void {
    if (this.#phase === "busy") this.#abort();
    // While lingering the socket closes by itself once the answer has left too.
    else if (this.#phase !== "lingering") this.#close();
  }

  onClose(): void {
    if (this.#phase === "busy") this.#abort();
    if (this.#phase !== "over") this.#phase = "over";
    this.#stash = undefined;
    this.#held = undefined;
    this.clock.unwatch(this);
    this.onGone();
  }

  #abort(): void {
    this.#giveUpUpstream();
    this.#end({ status: this.status, flag: "DC", failedBy: "" });
    this.#close();
  }

  #close(): void {
    if (this.#phase !== "over") this.#phase = "over";
    this.downstream.destroy();
  }

  // ---- The upstream ----

  /** Sends the request over a connection at hand. */
  protected useUpstream(upstream: UpstreamConnection): void {
    this.#upstream = upstream;
    if (toUpstream.length > 0) throw new Error("the buffer towards upstreams was left filled");
    this.writeRequestHead(toUpstream);
    if (this.requestBody.kind === "chunked") toUpstream.field("transfer-encoding", "chunked");
    toUpstream.endHead();
    const held = this.#held;
    if (held !== undefined) {
      this.#held = undefined;
      if (this.requestBody.kind === "chunked") toUpstream.chunk(held.bytes, 0, held.length);
      else toUpstream.copy(held.bytes, 0, held.length);
    }
    if (this.#isConsuming) return;
    this.#flushRequest();
    this.#updateReading();
  }

  onUpstreamReady(upstream: UpstreamConnection): void {
    this.useUpstream(upstream);
  }

  onUpstreamFault(fault: UpstreamFault): void {
    this.#upstream = undefined;
    this.onAttemptEnd();
    this.onFault(fault);
    this.#updateReading();
  }

  /** Whether a failed attempt may be repeated: nothing was sent, or repeating cannot do harm. */
  protected get hasSentBody(): boolean {
    return this.requestBody.payloadBytes > 0 || !this.requestBody.isComplete;
  }

  /** Bounds the whole exchange, from its head on. */
  protected setRouteDeadline(timeoutMs: number): void {
    this.#routeDeadlineMs = this.startMs + timeoutMs;
    this.deadlineMs = Math.min(this.deadlineMs, this.#routeDeadlineMs);
  }

  #giveUpUpstream(): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    if (upstream === undefined) this.cancelWaiting();
    else upstream.abandon();
    this.onAttemptEnd();
  }

  /** Passes on the wish for another protocol; HTTP/2 over plaintext is never asked for. */
  protected writeUpgrade(out: OutBuffer): void {
    const protocol = this.request.fields.find("upgrade") ?? "";
    if (/h2c/i.test(protocol)) return;
    out.text(`connection: upgrade\r\nupgrade: ${protocol}\r\n`);
  }

  // ---- The response ----

  onInformational(upstream: UpstreamConnection): void {
    if (this.request.minorVersion === 0) return;
    const out = this.#startOut();
    out.text(`HTTP/1.1 ${upstream.response.status} ${upstream.response.reason}\r\n`);
    out.fields(upstream.response.fields, this.responseMask(upstream));
    out.endHead();
    this.downstream.write(out);
  }

  #startOut(): OutBuffer {
    if (toDownstream.length > 0) throw new Error("the buffer towards clients was left filled");
    return toDownstream;
  }

  onResponseHead(upstream: UpstreamConnection): void {
    const { response } = upstream;
    this.#activityMs = this.clock.nowMs;
    this.status = response.status;
    const isOld = this.request.minorVersion === 0;
    const framing = this.#framingFor(upstream, isOld);
    this.#responseFraming = framing;
    if (framing === "until-close" || this.#isDraining) this.#keepsAlive = false;
    const out = this.#startOut();
    out.text(
      response.status === 200 && response.reason === "OK"
        ? "HTTP/1.1 200 OK\r\n"
        : `HTTP/1.1 ${response.status} ${response.reason}\r\n`,
    );
    out.fields(response.fields, this.responseMask(upstream));
    if (framing === "chunked") out.text("transfer-encoding: chunked\r\n");
    this.writeResponseFields(out, upstream);
    if (!this.#keepsAlive) out.text("connection: close\r\n");
    else if (isOld) out.text("connection: keep-alive\r\n");
    out.endHead();
  }

  #framingFor(upstream: UpstreamConnection, isOld: boolean): ResponseFraming {
    const { body } = upstream.response;
    if (body === "chunked" || body === "until-close") return isOld ? "until-close" : "chunked";
    return body === "length" ? "length" : "none";
  }

  onResponseBody(bytes: Buffer, start: number, end: number): void {
    this.responseBytes += end - start;
    if (this.#responseFraming === "chunked") toDownstream.chunk(bytes, start, end);
    else toDownstream.copy(bytes, start, end);
  }

  onResponseFlush(): void {
    this.#activityMs = this.clock.nowMs;
    this.downstream.write(toDownstream);
    if (this.downstream.isBlocked) this.#upstream?.connection.pause();
  }

  onResponseEnd(upstream: UpstreamConnection): void {
    if (this.#responseFraming === "chunked") {
      toDownstream.endChunks(upstream.body.trailers, TRAILER_MASK);
    }
    this.downstream.write(toDownstream);
    this.#upstream = undefined;
    this.onAttemptEnd();
    this.#end({
      status: this.status,
      flag: this.flagOfResponse(),
      failedBy: this.blameOf(this.status),
    });
  }

  onUpstreamReleased(): void {
    this.#next();
  }

  onResponseCut(reason: string): void {
    toDownstream.clear();
    this.#upstream = undefined;
    this.onAttemptEnd();
    this.onCut(reason);
    this.#end({ status: this.status, flag: "UC", failedBy: this.cutBlame });
    // The client must be able to tell that the rest is missing.
    this.#phase = "over";
    this.downstream.reset();
  }

  /** For the log: a response broke off after its head had been passed on. */
  protected abstract onCut(reason: string): void;

  onDrain(): void {
    this.#activityMs = this.clock.nowMs;
    if (this.#phase === "busy") this.#upstream?.connection.resume();
    else if (this.#phase === "idle") this.#next();
  }

  // ---- The end of an exchange ----

  /** Answers in the proxy's own name and says why. */
  protected fail(failure: Failure): void {
    this.#giveUpUpstream();
    if (this.status !== 0) {
      this.#end({ status: this.status, flag: failure.flag, failedBy: failure.failedBy });
      this.#phase = "over";
      this.downstream.reset();
      return;
    }
    this.#answer(failure);
    this.#end({ status: failure.status, flag: failure.flag, failedBy: failure.failedBy });
    if (!this.#isConsuming || !this.#keepsAlive) this.#next();
    else this.#toIdle();
  }

  #answer(failure: Failure): void {
    toUpstream.clear();
    if (!this.requestBody.isComplete || this.#isDraining) this.#keepsAlive = false;
    this.status = failure.status;
    const body = Buffer.from(`${failure.explanation}\n`);
    const out = this.#startOut();
    out.text(
      `HTTP/1.1 ${failure.status} ${reasonOf(failure.status)}\r\n` +
        `content-type: text/plain; charset=utf-8\r\ncontent-length: ${body.length}\r\n` +
        `x-heddle-origin: ${this.origin}\r\n`,
    );
    if (failure.flag !== "-") out.field("x-heddle-flags", failure.flag);
    if (!this.#keepsAlive) out.field("connection", "close");
    else if (this.request.minorVersion === 0) out.field("connection", "keep-alive");
    out.endHead();
    if (this.request.method !== "HEAD") {
      out.copy(body, 0, body.length);
      this.responseBytes = body.length;
    }
    this.downstream.write(out);
  }

  /** What cannot be read is answered and the connection closed: nothing behind it can be trusted. */
  #refuse(error: Http1Error): void {
    const isWithin = this.#phase === "busy";
    if (!isWithin) this.#beginRefused();
    this.#keepsAlive = false;
    const explanation = `${this.origin}: the request is not valid HTTP/1.1: ${error.message}`;
    this.fail({ status: error.status, flag: "DPE", failedBy: "", explanation });
  }

  #beginRefused(): void {
    this.#begin();
    this.requestBody.reset("none", 0);
    this.trace.begin(undefined, undefined, () => false);
    this.onRefused();
  }

  /** A request that could not be read gets an outcome all the same; forget what the last one left. */
  protected abstract onRefused(): void;

  #end(outcome: Outcome): void {
    this.onOutcome(outcome);
  }

  /** Goes on after an exchange: with what the client has sent meanwhile, or to the end. */
  #next(): void {
    if (this.#phase === "over" || this.#phase === "lingering") return;
    if (this.#phase === "busy") {
      if (!this.requestBody.isComplete) this.#keepsAlive = false;
      if (!this.#keepsAlive) {
        this.#linger();
        return;
      }
      this.#toIdle();
    }
    if (this.downstream.isBlocked || this.#isConsuming) {
      this.#updateReading();
      return;
    }
    const stash = this.#stash;
    if (stash === undefined) this.#updateReading();
    else this.#consume(stash, this.#stashAt, stash.length);
  }

  #toIdle(): void {
    this.#phase = "idle";
    this.#held = undefined;
    this.request.reset();
    this.deadlineMs = this.clock.nowMs + this.#timeouts.idleMs;
    if (this.#isDraining) this.#linger();
  }

  #linger(): void {
    this.#phase = "lingering";
    this.#stash = undefined;
    this.#held = undefined;
    this.#lingeredBytes = 0;
    this.deadlineMs = this.clock.nowMs + LINGER_MS;
    this.downstream.end();
    this.downstream.resume();
  }

  /** No further request on this connection; the one under way is finished with `Connection: close`. */
  drain(): void {
    this.#isDraining = true;
    if (this.#phase === "idle" || this.#phase === "head") this.#close();
  }

  /** Closes at once; what is under way counts as given up by the client. */
  destroy(): void {
    this.downstream.destroy();
  }

  onDeadline(nowMs: number): void {
    if (this.#phase === "busy") this.#onBusyDeadline(nowMs);
    else if (this.#phase === "lingering" && this.#mayStillDrain(nowMs)) {
      this.deadlineMs = nowMs + LINGER_MS;
    } else if (this.#phase === "head" && this.request.isPartial) {
      this.#beginRefused();
      this.#keepsAlive = false;
      const explanation = `${this.origin}: the request head was not complete within ${this.#timeouts.headMs} ms`;
      this.fail({ status: 408, flag: "DPE", failedBy: "", explanation });
    } else this.#close();
  }

  /** A slow reader gets the rest of its answer before the connection goes. */
  #mayStillDrain(nowMs: number): boolean {
    return (
      this.downstream.unsentBytes > 0 && nowMs < this.#activityMs + this.#timeouts.streamIdleMs
    );
  }

  #onBusyDeadline(nowMs: number): void {
    if (nowMs >= this.#routeDeadlineMs) {
      const explanation = this.explainTimeout();
      this.fail({ status: 504, flag: "UT", failedBy: this.ownBlame, explanation });
      return;
    }
    const idleAtMs = this.#activityMs + this.#timeouts.streamIdleMs;
    if (nowMs < idleAtMs) {
      this.deadlineMs = Math.min(idleAtMs, this.#routeDeadlineMs);
      return;
    }
    const explanation = `${this.origin}: no byte in either direction for ${this.#timeouts.streamIdleMs} ms`;
    this.fail({ status: 504, flag: "SI", failedBy: this.ownBlame, explanation });
  }

  // ---- Tunnels ----

  onTunnel(upstream: UpstreamConnection, bytes: Buffer, start: number, end: number): void {
    this.status = upstream.response.status;
    const out = this.#startOut();
    out.text(`HTTP/1.1 ${upstream.response.status} ${upstream.response.reason}\r\n`);
    out.fields(upstream.response.fields, this.responseMask(upstream));
    const protocol = upstream.response.fields.find("upgrade");
    if (protocol !== undefined) out.text(`connection: upgrade\r\nupgrade: ${protocol}\r\n`);
    this.writeResponseFields(out, upstream);
    out.endHead();
    this.downstream.write(out);
    this.#upstream = undefined;
    this.startTunnel(upstream.connection).sendDown(bytes, start, end);
  }

  /** From now on bytes pass both ways as they are; the exchange's outcome comes when the tunnel ends. */
  protected startTunnel(upstream: Connection): Tunnel {
    this.#phase = "over";
    this.clock.unwatch(this);
    const stash = this.#stash?.subarray(this.#stashAt);
    this.#stash = undefined;
    const tunnel = new Tunnel(this.downstream, upstream, this.clock, (end) => this.#endTunnel(end));
    if (stash !== undefined) tunnel.sendUp(stash, 0, stash.length);
    return tunnel;
  }

  #endTunnel(end: TunnelEnd): void {
    this.requestBody.payloadBytes = end.upBytes;
    this.responseBytes = end.downBytes;
    this.onAttemptEnd();
    this.#end({ status: this.status, flag: "-", failedBy: "" });
    this.onGone();
  }

  /** Answers CONNECT with 200: what follows is the tunnel's. */
  protected acceptConnect(): void {
    const out = this.#startOut();
    out.text("HTTP/1.1 200 Connection Established\r\n\r\n");
    this.status = 200;
    this.downstream.write(out);
  }

  /** What follows on this connection are requests again. */
  protected continueWithRequests(): void {
    this.#toIdle();
    if (!this.#isConsuming) this.#next();
  }
}
