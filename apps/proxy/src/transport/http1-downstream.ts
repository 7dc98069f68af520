import { BodyReader, type FieldBlock, Http1Error, OutBuffer } from "@heddle/http1";
import type { ByteStream, ByteStreamHandler } from "./byte-stream.ts";
import type { Downstream, GivenUp, ResponseBody } from "./downstream.ts";
import type { HttpExchange } from "./http-exchange.ts";
import { fieldNames, TRAILER_MASK } from "./proxy-fields.ts";
import { LAST_REQUEST_MS, type Session } from "./socket-listener.ts";

/** After a refusal the rest of what the client sends is read this long, so that it sees the answer. */
const LINGER_MS = 1_000;
const LINGER_BYTES = 1_048_576;

/**
 * What goes to a client is put together here and written within the same call, so one buffer serves
 * all connections.
 */
const scratch = new OutBuffer(65_536 + 8_192);

type Phase = "idle" | "head" | "busy" | "lingering" | "over";
type Framing = "none" | "length" | "chunked" | "until-close";

/**
 * A client's HTTP/1.1 connection: one request after another is handed to the one exchange it has.
 *
 *   idle → head (first byte) | busy (whole head)    head → busy | lingering (refused, too slow)
 *   busy → idle (answered, keep-alive) | lingering (answered, closing) | over (tunnel, client gone)
 *   lingering → over (client closed, deadline)
 */
export class Http1Downstream implements Downstream, ByteStreamHandler, Session {
  readonly isHttp2 = false;
  isReading = false;
  readonly #exchange: HttpExchange;
  readonly #body: BodyReader;
  readonly #onGone: (downstream: Http1Downstream) => void;
  readonly #onConnected: ((given: GivenUp, authority: string) => void) | undefined;
  #stream: ByteStream | undefined;
  #phase: Phase = "idle";
  #framing: Framing = "none";
  #keepsAlive = true;
  #isDraining = false;
  #isGivenUp = false;
  #lingeredBytes = 0;
  /** What the client sent beyond the request in hand. */
  #stash: Buffer | undefined;
  #stashAt = 0;

  /** `onConnected`: takes the connection over after a CONNECT that was accepted for `authority`. */
  constructor(
    exchange: HttpExchange,
    onGone: (downstream: Http1Downstream) => void,
    onConnected?: (given: GivenUp, authority: string) => void,
  ) {
    this.#exchange = exchange;
    this.#onGone = onGone;
    this.#onConnected = onConnected;
    this.#body = new BodyReader(fieldNames, exchange.limits);
    exchange.attach(this);
    exchange.deadlineMs = exchange.clock.nowMs + exchange.timeouts.idleMs;
  }

  /** Gives the downstream its connection, once. */
  attach(stream: ByteStream): void {
    this.#stream = stream;
    this.#exchange.clock.watch(this.#exchange);
  }

  get #connection(): ByteStream {
    return this.#stream as ByteStream;
  }

  get isBlocked(): boolean {
    return this.#connection.isBlocked;
  }

  // ---- What the client sends ----

  onData(bytes: Buffer, start: number, end: number): void {
    const exchange = this.#exchange;
    exchange.activityMs = exchange.clock.nowMs;
    if (this.#phase === "over") return;
    if (this.#phase === "lingering") {
      this.#lingeredBytes += end - start;
      if (this.#lingeredBytes > LINGER_BYTES) this.#connection.destroy();
      return;
    }
    if (this.#stash !== undefined) this.#addToStash(bytes, start, end);
    else this.#consume(bytes, start, end);
  }

  #consume(bytes: Buffer, start: number, end: number): void {
    this.isReading = true;
    let at = start;
    try {
      while (at < end && this.#phase !== "lingering" && this.#phase !== "over") {
        if (this.#phase !== "busy") at = this.#readHead(bytes, at, end);
        else if (this.#body.isComplete) break;
        if (this.#phase === "busy" && !this.#body.isComplete) at = this.#readBody(bytes, at, end);
      }
      this.#exchange.onRequestFlush();
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      this.#refuse(error.status, `the request is not valid HTTP/1.1: ${error.message}`);
    } finally {
      this.isReading = false;
    }
    if (this.#phase === "busy" && at < end) this.#keepRest(bytes, at, end);
    else if (bytes === this.#stash) this.#stash = undefined;
    if (this.#isGivenUp) this.#giveUp();
    else this.updateReading();
  }

  #readHead(bytes: Buffer, start: number, end: number): number {
    const exchange = this.#exchange;
    const { request } = exchange;
    if (!exchange.mayServe()) {
      this.#close();
      return end;
    }
    const next = request.parse(bytes, start, end);
    if (next < 0) {
      if (this.#phase === "idle") {
        exchange.deadlineMs = exchange.clock.nowMs + exchange.timeouts.headMs;
      }
      this.#phase = "head";
      return end;
    }
    request.detach(next);
    this.#phase = "busy";
    this.#keepsAlive = request.keepAlive;
    this.#body.reset(request.body, request.contentLength);
    exchange.begin();
    return next;
  }

  #readBody(bytes: Buffer, start: number, end: number): number {
    const body = this.#body;
    const next = body.read(bytes, start, end, this.#exchange);
    if (body.isComplete) this.#exchange.onRequestEnd(body.trailers);
    return next;
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
    this.updateReading();
  }

  /** Stops reading while nobody could take what would come. */
  updateReading(): void {
    if (this.#phase === "over") return;
    const isHeld =
      this.#stash !== undefined || this.#exchange.isHoldingBody || this.#isHeldByClient();
    if (isHeld) this.#connection.pause();
    else this.#connection.resume();
  }

  /** A client that sends requests but does not read the answers gets no more of them. */
  #isHeldByClient(): boolean {
    return this.#phase === "idle" && this.#connection.isBlocked;
  }

  /** What cannot be read is answered and the connection closed: nothing behind it can be trusted. */
  #refuse(status: number, explanation: string): void {
    const isNew = this.#phase !== "busy";
    this.#phase = "busy";
    this.#keepsAlive = false;
    if (isNew) this.#body.reset("none", 0);
    this.#exchange.refuse(status, explanation, isNew);
  }

  /** The client has closed its side: nobody waits for an answer any more (as Envoy and nginx see it). */
  onEnd(): void {
    if (this.#phase === "busy") this.#exchange.onDownstreamGone();
    // While lingering the socket closes by itself once the answer has left too.
    if (this.#phase !== "lingering") this.#close();
  }

  onClose(): void {
    if (this.#phase === "busy") this.#exchange.onDownstreamGone();
    this.#phase = "over";
    this.#stash = undefined;
    this.#exchange.clock.unwatch(this.#exchange);
    this.#onGone(this);
  }

  #close(): void {
    this.#phase = "over";
    this.#connection.destroy();
  }

  // ---- What the client gets ----

  startHead(): OutBuffer {
    if (scratch.length > 0) throw new Error("the buffer towards clients was left filled");
    return scratch;
  }

  endInformational(): void {
    scratch.endHead();
    this.#connection.write(scratch);
  }

  endHead(body: ResponseBody): void {
    const isOld = this.#exchange.request.minorVersion === 0;
    if (body === "tunnel") this.#framing = "none";
    else {
      this.#framing = body === "unknown" ? (isOld ? "until-close" : "chunked") : body;
      // Once the answer is whole nobody reads the rest of the request: the client has to hear it now,
      // or it takes the connection for one that serves its next request.
      const isEarly = !this.#body.isComplete;
      if (this.#framing === "until-close" || isEarly || this.#isDraining) {
        this.#keepsAlive = false;
      }
      if (this.#framing === "chunked") scratch.text("transfer-encoding: chunked\r\n");
      if (!this.#keepsAlive) scratch.text("connection: close\r\n");
      else if (isOld) scratch.text("connection: keep-alive\r\n");
    }
    scratch.endHead();
  }

  writeBody(bytes: Buffer, start: number, end: number): void {
    if (this.#framing === "chunked") scratch.chunk(bytes, start, end);
    else scratch.copy(bytes, start, end);
  }

  endBody(trailers: FieldBlock | undefined): void {
    if (this.#framing === "chunked") scratch.endChunks(trailers, TRAILER_MASK);
    this.#connection.write(scratch);
  }

  flush(): void {
    this.#connection.write(scratch);
  }

  reset(): void {
    scratch.clear();
    this.#phase = "over";
    this.#connection.reset();
  }

  onDrain(): void {
    this.#exchange.onDownstreamDrain();
    if (this.#phase === "idle") this.finish();
  }

  // ---- Between exchanges ----

  /** Goes on after an exchange: with what the client has sent meanwhile, or to the end. */
  finish(): void {
    if (this.#phase === "over" || this.#phase === "lingering") return;
    if (this.#phase === "busy") {
      if (!this.#body.isComplete) this.#keepsAlive = false;
      if (!this.#keepsAlive) {
        this.#linger();
        return;
      }
      this.#toIdle();
    }
    if (this.#connection.isBlocked || this.isReading) {
      this.updateReading();
      return;
    }
    const stash = this.#stash;
    if (stash === undefined) this.updateReading();
    else this.#consume(stash, this.#stashAt, stash.length);
  }

  continueWithRequests(): void {
    if (this.#onConnected === undefined) {
      this.#toIdle();
      if (!this.isReading) this.finish();
      return;
    }
    // What is being read may hold bytes of the tunnel already.
    this.#isGivenUp = true;
    if (!this.isReading) this.#giveUp();
  }

  #giveUp(): void {
    const authority = this.#exchange.request.authority ?? "";
    const given = this.startTunnel();
    this.#onGone(this);
    this.#onConnected?.(given, authority);
  }

  #toIdle(): void {
    const exchange = this.#exchange;
    this.#phase = "idle";
    exchange.request.reset();
    const { nowMs } = exchange.clock;
    exchange.deadlineMs = nowMs + (this.#isDraining ? LAST_REQUEST_MS : exchange.timeouts.idleMs);
  }

  #linger(): void {
    this.#phase = "lingering";
    this.#stash = undefined;
    this.#lingeredBytes = 0;
    this.#exchange.deadlineMs = this.#exchange.clock.nowMs + LINGER_MS;
    this.#connection.end();
    this.#connection.resume();
  }

  /**
   * The request under way, or the next if it comes soon, is the last, and its answer says so. An idle
   * connection closed at once could meet a request on its way, which nobody may send again.
   */
  drain(): void {
    this.#isDraining = true;
    const exchange = this.#exchange;
    if (this.#phase === "idle") exchange.deadlineMs = exchange.clock.nowMs + LAST_REQUEST_MS;
  }

  /** Closes at once; what is under way counts as given up by the client. */
  destroy(): void {
    this.#connection.destroy();
  }

  onDeadline(nowMs: number): void {
    const exchange = this.#exchange;
    if (this.#phase === "lingering" && this.#mayStillDrain(nowMs)) {
      exchange.deadlineMs = nowMs + LINGER_MS;
    } else if (this.#phase === "head" && exchange.request.isPartial) {
      const { headMs } = exchange.timeouts;
      this.#refuse(408, `the request head was not complete within ${headMs} ms`);
    } else this.#close();
  }

  /** A slow reader gets the rest of its answer before the connection goes. */
  #mayStillDrain(nowMs: number): boolean {
    const { activityMs, timeouts } = this.#exchange;
    return this.#connection.unsentBytes > 0 && nowMs < activityMs + timeouts.streamIdleMs;
  }

  // ---- Tunnels ----

  startTunnel(): GivenUp {
    this.#phase = "over";
    this.#exchange.clock.unwatch(this.#exchange);
    const rest = this.#stash?.subarray(this.#stashAt);
    this.#stash = undefined;
    return { stream: this.#connection, rest };
  }

  onTunnelEnd(): void {
    this.#onGone(this);
  }
}
