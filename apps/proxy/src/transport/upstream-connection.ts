import { BodyReader, Http1Error, type Http1Limits, ResponseParser } from "@heddle/http1";
import { Connection, type ConnectionHandler, type ConnectTarget } from "./connection.ts";
import type { DeadlineClock, Watched } from "./deadline-clock.ts";
import type { UpstreamFault } from "./failure.ts";
import { fieldNames } from "./proxy-fields.ts";

/** The exchange an upstream connection works for. */
export interface UpstreamUser {
  /** Whether the whole request has been handed to the upstream connection. */
  readonly isRequestSent: boolean;
  /** A connection waited for is there. */
  onUpstreamReady(upstream: UpstreamConnection): void;
  /** The exchange ended before a final response head; the connection is gone. */
  onUpstreamFault(fault: UpstreamFault): void;
  /** A 1xx head (never 101) stands in `upstream.response`. */
  onInformational(upstream: UpstreamConnection): void;
  /** The final head stands in `upstream.response`; body and `onResponseEnd` follow. */
  onResponseHead(upstream: UpstreamConnection): void;
  onResponseBody(bytes: Buffer, start: number, end: number): void;
  /** Everything of one read has been handed over. */
  onResponseFlush(): void;
  /** The response is whole; trailers stand in `upstream.body`. The connection is released right after. */
  onResponseEnd(upstream: UpstreamConnection): void;
  /** After the release: the next exchange may begin. */
  onUpstreamReleased(): void;
  /** The response broke off after its head. */
  onResponseCut(reason: string): void;
  /** The upstream has agreed to another protocol; `bytes[start, end)` are its first of it. */
  onTunnel(upstream: UpstreamConnection, bytes: Buffer, start: number, end: number): void;
  /** The upstream connection takes bytes again. */
  onUpstreamDrain(): void;
}

/** Whom a connection belongs to between exchanges. */
export interface UpstreamOwner {
  readonly clock: DeadlineClock;
  readonly idleMs: number;
  readonly connectTimeoutMs: number;
  readonly limits: Http1Limits;
  onConnected(upstream: UpstreamConnection): void;
  onConnectFailed(upstream: UpstreamConnection, reason: string): void;
  /** Whether the connection may serve again is the owner's to decide. */
  onReleased(upstream: UpstreamConnection): void;
  onClosed(upstream: UpstreamConnection): void;
}

/**
 * One HTTP/1.1 connection to an upstream.
 *   connecting → idle (connected) | closed     idle → busy (assign) | closed
 *   busy → idle (response and request whole) | tunnel (101, CONNECT) | closed
 */
export class UpstreamConnection implements ConnectionHandler, Watched {
  readonly response: ResponseParser;
  readonly body: BodyReader;
  readonly connection: Connection;
  deadlineMs: number;
  watchIndex = -1;
  /** Exchanges it has carried to their end. */
  servedCount = 0;
  /** The identity's generation it was opened with. */
  readonly generation: number;
  readonly #owner: UpstreamOwner;
  #isConnected = false;
  #user: UpstreamUser | undefined;
  #method = "GET";
  #hasHead = false;
  #hasBytes = false;
  #closeReason: string | undefined;

  constructor(owner: UpstreamOwner, target: ConnectTarget, generation: number) {
    this.#owner = owner;
    this.response = new ResponseParser(fieldNames, owner.limits);
    this.body = new BodyReader(fieldNames, owner.limits);
    this.generation = generation;
    this.deadlineMs = owner.clock.nowMs + owner.connectTimeoutMs;
    this.connection = Connection.connect(target, this, () => this.#onConnected());
    owner.clock.watch(this);
  }

  #onConnected(): void {
    if (this.connection.isClosed) return;
    this.#isConnected = true;
    this.deadlineMs = this.#owner.clock.nowMs + this.#owner.idleMs;
    this.#owner.onConnected(this);
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

  /** Takes the exchange back before anything was sent; the connection is its owner's again. */
  giveBack(): void {
    this.#user = undefined;
    this.deadlineMs = this.#owner.clock.nowMs + this.#owner.idleMs;
    this.#owner.onReleased(this);
  }

  /** Gives the exchange up: the user hears nothing more of it. */
  abandon(): void {
    this.#user = undefined;
    this.connection.destroy();
  }

  /** Closes an idle connection; a busy one is its user's to end. */
  close(): void {
    if (this.#user === undefined) this.connection.destroy();
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const user = this.#user;
    if (user === undefined) {
      // An answer to nothing: whatever it is, the next request must not be given it.
      this.connection.destroy();
      return;
    }
    this.#hasBytes = true;
    try {
      this.#read(user, bytes, start, end);
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      this.#fail(error);
    }
  }

  #read(user: UpstreamUser, bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (!this.#hasHead) {
      at = this.response.parse(bytes, at, end);
      if (at < 0) return;
      if (this.response.status < 200 && this.response.status !== 101) {
        user.onInformational(this);
        this.response.reset(this.#method);
        if (at === end) return;
      } else {
        this.#hasHead = true;
        this.body.reset(this.response.body, this.response.contentLength);
        if (this.response.body === "tunnel") {
          this.#toTunnel(user, bytes, at, end);
          return;
        }
        user.onResponseHead(this);
      }
    }
    at = this.body.read(bytes, at, end, this);
    if (this.body.isComplete) this.#complete(user, at < end);
    else user.onResponseFlush();
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    this.#user?.onResponseBody(bytes, start, end);
  }

  #toTunnel(user: UpstreamUser, bytes: Buffer, start: number, end: number): void {
    this.#user = undefined;
    this.#owner.clock.unwatch(this);
    this.#owner.onClosed(this);
    user.onTunnel(this, bytes, start, end);
  }

  #complete(user: UpstreamUser, hasExtraBytes: boolean): void {
    user.onResponseEnd(this);
    const isReusable = this.response.keepAlive && !hasExtraBytes && user.isRequestSent;
    this.#user = undefined;
    this.servedCount++;
    if (isReusable && this.isUsable) {
      this.connection.resume();
      this.deadlineMs = this.#owner.clock.nowMs + this.#owner.idleMs;
      this.#owner.onReleased(this);
    } else this.connection.destroy();
    user.onUpstreamReleased();
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
    const user = this.#user;
    if (user !== undefined && this.#hasHead && this.body.kind === "until-close") {
      this.body.end();
      this.connection.end();
      this.#complete(user, false);
      return;
    }
    this.#closeReason ??= "closed by the peer";
    this.connection.destroy();
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
      user.onUpstreamFault({ kind: "closed", reason, isStale });
    }
  }
}
