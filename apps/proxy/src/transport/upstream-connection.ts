import {
  type BodyKind,
  BodyReader,
  FIELD,
  type FieldBlock,
  Http1Error,
  type Http1Limits,
  OutBuffer,
  ResponseParser,
} from "@heddle/http1";
import type { ByteStreamHandler } from "./byte-stream.ts";
import { Connection, type ConnectTarget } from "./connection.ts";
import type { DeadlineClock, Watched } from "./deadline-clock.ts";
import type { IdleTime } from "./idle-time.ts";
import { fieldNames, TRAILER_MASK } from "./proxy-fields.ts";
import type { UpstreamStream, UpstreamUser } from "./upstream-stream.ts";

/**
 * What goes to an upstream is put together here and written within the same call, so one buffer serves
 * all connections.
 */
const scratch = new OutBuffer(65_536 + 8_192);

/** The rest of a response nobody wants is read up to this much and this long, to keep the connection. */
const MAX_DISCARDED_BYTES = 65_536;
const DISCARD_MS = 1_000;

/** Whom a connection belongs to between exchanges. */
export interface UpstreamOwner {
  readonly clock: DeadlineClock;
  readonly idleTime: IdleTime;
  readonly connectTimeoutMs: number;
  readonly limits: Http1Limits;
  onConnected(upstream: UpstreamConnection): void;
  onConnectFailed(upstream: UpstreamConnection, reason: string): void;
  /** Whether the connection may serve again is the owner's to decide. */
  onReleased(upstream: UpstreamConnection): void;
  onClosed(upstream: UpstreamConnection): void;
  /** It had closed before the request that was to use it: those that lay idle as long have, too. */
  onStale(): void;
}

/**
 * One HTTP/1.1 connection to an upstream.
 *   connecting → idle (connected) | closed     idle → busy (assign) | closed
 *   busy → idle (response and request whole) | tunnel (101, CONNECT) | closed
 */
export class UpstreamConnection implements UpstreamStream, ByteStreamHandler, Watched {
  readonly response: ResponseParser;
  readonly connection: Connection;
  deadlineMs: number;
  watchIndex = -1;
  /** Exchanges it has carried to their end. */
  servedCount = 0;
  /** In the clock's milliseconds. */
  readonly openedAtMs: number;
  /** The identity's generation it was opened with. */
  readonly generation: number;
  readonly #owner: UpstreamOwner;
  #isConnected = false;
  #user: UpstreamUser | undefined;
  readonly #body: BodyReader;
  #method = "GET";
  #isChunked = false;
  #hasHead = false;
  #hasBytes = false;
  #isDiscarding = false;
  #idleSinceMs = 0;
  #closeReason: string | undefined;

  constructor(owner: UpstreamOwner, target: ConnectTarget, generation: number) {
    this.#owner = owner;
    this.response = new ResponseParser(fieldNames, owner.limits);
    this.#body = new BodyReader(fieldNames, owner.limits);
    this.generation = generation;
    this.openedAtMs = owner.clock.nowMs;
    this.deadlineMs = owner.clock.nowMs + owner.connectTimeoutMs;
    this.connection = Connection.connect(target, this, () => this.#onConnected());
    owner.clock.watch(this);
  }

  #onConnected(): void {
    if (this.connection.isClosed) return;
    this.#isConnected = true;
    this.#rest();
    this.#owner.onConnected(this);
  }

  /** From now on the connection is idle until its next exchange. */
  #rest(): void {
    const { clock, idleTime } = this.#owner;
    this.#idleSinceMs = clock.nowMs;
    this.deadlineMs = clock.nowMs + idleTime.ms(clock.nowMs);
  }

  /** Ready for one more exchange. */
  get isUsable(): boolean {
    return this.#isConnected && !this.connection.isClosed && !this.connection.hasEnded;
  }

  /** Starts an exchange for a request of `method`. */
  assign(user: UpstreamUser, method: string): void {
    this.#user = user;
    this.#method = method;
    this.#hasHead = false;
    this.#hasBytes = false;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.response.reset(method);
  }

  // ---- The request ----

  get isBlocked(): boolean {
    return this.connection.isBlocked;
  }

  startRequest(): OutBuffer {
    if (scratch.length > 0) throw new Error("the buffer towards upstreams was left filled");
    return scratch;
  }

  endHead(body: BodyKind): void {
    this.#isChunked = body === "chunked";
    if (this.#isChunked) scratch.text("transfer-encoding: chunked\r\n");
    scratch.endHead();
  }

  writeBody(bytes: Buffer, start: number, end: number): void {
    if (this.#isChunked) scratch.chunk(bytes, start, end);
    else scratch.copy(bytes, start, end);
  }

  endRequest(trailers: FieldBlock | undefined): void {
    if (this.#isChunked) scratch.endChunks(trailers, TRAILER_MASK);
  }

  flush(): void {
    this.connection.write(scratch);
  }

  // ---- The response ----

  get trailers(): FieldBlock | undefined {
    return this.#body.trailers;
  }

  pause(): void {
    this.connection.pause();
  }

  resume(): void {
    this.connection.resume();
  }

  giveBack(): void {
    this.#user = undefined;
    this.#rest();
    this.#owner.onReleased(this);
  }

  abandon(): void {
    scratch.clear();
    this.#user = undefined;
    this.connection.destroy();
  }

  discard(): void {
    const { body, contentLength } = this.response;
    const isShort =
      body === "none" ||
      body === "chunked" ||
      (body === "length" && contentLength <= MAX_DISCARDED_BYTES);
    if (!isShort || !this.response.keepAlive || this.#user?.isRequestSent !== true) {
      this.abandon();
      return;
    }
    this.#user = undefined;
    this.#isDiscarding = true;
    this.deadlineMs = this.#owner.clock.nowMs + DISCARD_MS;
  }

  /** Closes an idle connection; a busy one is its user's to end. */
  close(): void {
    if (this.#user === undefined && !this.#isDiscarding) this.connection.destroy();
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.#user === undefined && !this.#isDiscarding) {
      // An answer to nothing: whatever it is, the next request must not be given it.
      this.connection.destroy();
      return;
    }
    this.#hasBytes = true;
    try {
      this.#read(bytes, start, end);
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      this.#fail(error);
    }
  }

  #read(bytes: Buffer, start: number, end: number): void {
    let at = start;
    if (!this.#hasHead) {
      at = this.#readHeads(bytes, at, end);
      if (at < 0) return;
    }
    at = this.#body.read(bytes, at, end, this);
    if (this.#body.isComplete) this.#complete(at < end);
    else if (!this.#isDiscarding) this.#user?.onResponseFlush();
    else if (this.#body.payloadBytes > MAX_DISCARDED_BYTES) this.connection.destroy();
  }

  /** Reads heads up to the final one; -1 when there is nothing more to do with these bytes. */
  #readHeads(bytes: Buffer, start: number, end: number): number {
    const { response } = this;
    const user = this.#user as UpstreamUser;
    let at = start;
    for (;;) {
      at = response.parse(bytes, at, end);
      if (at < 0) return -1;
      if (response.status === 101 && !user.mayUpgrade) {
        throw new Http1Error("STATUS", "101 answers a request that asked for no other protocol");
      }
      if (response.status >= 200 || response.status === 101) break;
      user.onInformational(this);
      response.reset(this.#method);
      if (at === end) return -1;
    }
    this.#hasHead = true;
    if (this.servedCount === 0) this.#readPatience();
    this.#body.reset(response.body, response.contentLength);
    if (response.body === "tunnel") {
      this.#toTunnel(user, bytes, at, end);
      return -1;
    }
    user.onResponseHead(this);
    return this.#user === user || this.#isDiscarding ? at : -1;
  }

  /** What the peer says of idle connections, which it says with its first answer or never. */
  #readPatience(): void {
    const { fields } = this.response;
    const index = fields.indexOfId(FIELD.keepAlive);
    if (index >= 0) this.#owner.idleTime.told(fields.valueAt(index));
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    this.#user?.onResponseBody(bytes, start, end);
  }

  #toTunnel(user: UpstreamUser, bytes: Buffer, start: number, end: number): void {
    this.#user = undefined;
    this.#owner.clock.unwatch(this);
    this.#owner.onClosed(this);
    user.onTunnel(this, this.connection, bytes, start, end);
  }

  #complete(hasExtraBytes: boolean): void {
    const user = this.#user;
    user?.onResponseEnd(this);
    const isReusable =
      this.response.keepAlive &&
      !hasExtraBytes &&
      (this.#isDiscarding || user?.isRequestSent === true);
    this.#user = undefined;
    this.#isDiscarding = false;
    this.servedCount++;
    if (isReusable && this.isUsable) {
      this.connection.resume();
      this.#rest();
      this.#owner.onReleased(this);
    } else this.connection.destroy();
    user?.onUpstreamReleased();
  }

  #fail(error: Http1Error): void {
    const user = this.#user;
    this.#user = undefined;
    this.connection.destroy();
    const reason = `the answer is not HTTP/1.1: ${error.message}`;
    if (this.#hasHead) user?.onResponseCut(reason);
    else user?.onUpstreamFault({ kind: "protocol", reason });
  }

  onEnd(): void {
    if (this.#user !== undefined && this.#hasHead && this.#body.kind === "until-close") {
      this.#body.end();
      this.connection.end();
      this.#complete(false);
      return;
    }
    this.#closeReason ??= "closed by the peer";
    if (this.#user === undefined && this.servedCount > 0) this.#notePatience();
    this.connection.destroy();
  }

  #notePatience(): void {
    const { clock, idleTime } = this.#owner;
    idleTime.closedAfter(clock.nowMs - this.#idleSinceMs, clock.nowMs);
  }

  onDrain(): void {
    this.#user?.onUpstreamDrain();
  }

  onDeadline(): void {
    this.#closeReason ??= this.#isConnected ? "idle" : "the connection was not ready in time";
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.connection.destroy();
  }

  onClose(error: Error | undefined): void {
    this.#owner.clock.unwatch(this);
    const reason = error?.message ?? this.#closeReason ?? "closed";
    const user = this.#user;
    this.#user = undefined;
    if (!this.#isConnected) {
      this.#owner.onConnectFailed(this, reason);
      return;
    }
    this.#owner.onClosed(this);
    if (user === undefined) return;
    if (this.#hasHead) user.onResponseCut(reason);
    else {
      const isStale = this.servedCount > 0 && !this.#hasBytes;
      if (isStale) this.#owner.onStale();
      user.onUpstreamFault({ kind: "closed", reason, isStale });
    }
  }
}
