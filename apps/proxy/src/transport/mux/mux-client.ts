import {
  type BodyKind,
  type FieldBlock,
  Http1Error,
  type Http1Limits,
  type OutBuffer,
  ResponseParser,
} from "@heddle/http1";
import type { Connection } from "../connection.ts";
import type { DeadlineClock } from "../deadline-clock.ts";
import { fieldNames } from "../proxy-fields.ts";
import type { UpstreamStream, UpstreamUser } from "../upstream-stream.ts";
import { MAX_STREAM, RESET_CODE } from "./frames.ts";
import { MuxError } from "./mux-error.ts";
import { MuxSession } from "./mux-session.ts";
import { MuxStream } from "./mux-stream.ts";

/** Streams kept for the next requests. */
const MAX_SPARE = 128;
const NO_BYTES = Buffer.alloc(0);
/** How long the other side may take to close after us. */
const CLOSE_MS = 5_000;

/** Whom a session belongs to. */
export interface MuxClientOwner {
  readonly clock: DeadlineClock;
  readonly limits: Http1Limits;
  readonly idleMs: number;
  /** The session takes no new streams any more. */
  onDraining(session: MuxClientSession): void;
  /** A stream is free again. */
  onReleased(session: MuxClientSession): void;
  onFault(error: MuxError): void;
  onClosed(session: MuxClientSession): void;
}

/** A connection to a peer that carries many requests at once. */
export class MuxClientSession extends MuxSession {
  /** The identity's generation it was opened with. */
  readonly generation: number;
  readonly openedAtMs: number;
  /** Exchanges it has carried to their end. */
  servedCount = 0;
  readonly #owner: MuxClientOwner;
  readonly #spare: MuxClientStream[] = [];
  #lastId = 0;
  /** Streams given out, those that have not sent anything yet among them. */
  #busyCount = 0;
  #idleSinceMs: number;
  #closeAtMs = Number.POSITIVE_INFINITY;

  constructor(connection: Connection, owner: MuxClientOwner, generation: number) {
    super(connection, owner.clock, owner.limits);
    this.#owner = owner;
    this.generation = generation;
    this.openedAtMs = owner.clock.nowMs;
    this.#idleSinceMs = owner.clock.nowMs;
  }

  get busyCount(): number {
    return this.#busyCount;
  }

  get isUsable(): boolean {
    return !this.isClosed && !this.isDraining;
  }

  /** A stream for a request of `method`. */
  assign(user: UpstreamUser, method: string): UpstreamStream {
    this.#busyCount++;
    const stream = this.#spare.pop() ?? new MuxClientStream(this);
    stream.assign(user, method);
    return stream;
  }

  /** The number of a stream that is about to send its head. */
  enter(stream: MuxClientStream): number {
    const id = ++this.#lastId;
    this.streams.set(id, stream);
    // Numbers run out after weeks of load; another connection starts anew.
    if (id > MAX_STREAM - 65_536 && !this.isDraining) this.retire();
    return id;
  }

  /** Takes a stream back; it may serve again. */
  spare(stream: MuxClientStream, isReusable: boolean): void {
    this.#busyCount--;
    this.#idleSinceMs = this.clock.nowMs;
    if (isReusable && this.#spare.length < MAX_SPARE) this.#spare.push(stream);
    if (this.isClosed) return;
    if (this.isDraining) this.#closeIfEmpty();
    else this.#owner.onReleased(this);
  }

  /** Takes no new streams, and closes after the last. */
  retire(): void {
    this.drain();
    this.#owner.onDraining(this);
    this.#closeIfEmpty();
  }

  #closeIfEmpty(): void {
    if (this.#busyCount > 0 || this.isClosed) return;
    this.#closeAtMs = this.clock.nowMs + CLOSE_MS;
    this.finish();
  }

  protected override streamOfHead(id: number): MuxStream | undefined {
    return this.streams.get(id);
  }

  protected override wasOpened(id: number): boolean {
    return id <= this.#lastId;
  }

  protected override onGoaway(): void {
    this.#owner.onDraining(this);
    this.#closeIfEmpty();
  }

  protected override onEmpty(): void {}

  protected override onPeerEnd(): void {
    this.destroy();
  }

  protected override onFault(error: MuxError): void {
    this.#owner.onFault(error);
  }

  protected override onLost(): void {
    this.#owner.onClosed(this);
  }

  protected override onTick(nowMs: number): void {
    if (nowMs >= this.#closeAtMs) this.destroy();
    else if (this.#busyCount === 0 && nowMs - this.#idleSinceMs >= this.#owner.idleMs) {
      this.retire();
    }
  }
}

/** One request to a peer, and its answer. */
class MuxClientStream extends MuxStream implements UpstreamStream {
  readonly response: ResponseParser;
  trailers: FieldBlock | undefined;
  declare readonly session: MuxClientSession;
  #user: UpstreamUser | undefined;
  #method = "GET";
  #mayTunnel = false;
  #hasHead = false;
  #bodyBytes = 0;

  constructor(session: MuxClientSession) {
    super(session);
    this.response = new ResponseParser(fieldNames, session.limits);
  }

  assign(user: UpstreamUser, method: string): void {
    this.open(0);
    this.trailers = undefined;
    this.#user = user;
    this.#method = method;
    this.#hasHead = false;
    this.#bodyBytes = 0;
    this.response.reset(method);
  }

  // ---- The request ----

  startRequest(): OutBuffer {
    this.id = this.session.enter(this);
    return this.session.frames.startHead(this.id);
  }

  endHead(body: BodyKind): void {
    this.#mayTunnel = body === "tunnel";
    if (body === "chunked") this.session.frames.head.text("transfer-encoding: chunked\r\n");
    this.session.frames.endHead();
  }

  writeBody(bytes: Buffer, start: number, end: number): void {
    this.send(bytes, start, end);
  }

  endRequest(trailers: FieldBlock | undefined): void {
    if (!this.#mayTunnel) this.sendEnd(trailers);
  }

  flush(): void {}

  protected override onSendable(): void {
    this.#user?.onUpstreamDrain();
  }

  // ---- The response ----

  override onHead(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    const user = this.#user;
    if (user === undefined) return;
    try {
      if (this.#hasHead) throw new MuxError("HEAD", "a second head after a final one");
      const next = this.response.parse(bytes, start, end);
      if (next >= 0 !== isLast || (isLast && next !== end)) {
        throw new MuxError("HEAD", "a head does not end where its frame does");
      }
      if (isLast) this.#onWholeHead(user);
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      const reason = `the answer is not HTTP/1.1: ${error.message}`;
      this.#release(RESET_CODE.protocol);
      user.onUpstreamFault({ kind: "protocol", reason });
    }
  }

  #onWholeHead(user: UpstreamUser): void {
    const { response } = this;
    if (response.status < 200 && response.status !== 101) {
      user.onInformational(this);
      response.reset(this.#method);
      return;
    }
    if (response.status === 101 && !user.mayUpgrade) {
      throw new Http1Error("STATUS", "101 answers a request that asked for no other protocol");
    }
    this.#hasHead = true;
    if (response.body === "tunnel") this.#toTunnel(user);
    else user.onResponseHead(this);
  }

  #toTunnel(user: UpstreamUser): void {
    this.#user = undefined;
    this.isTunnel = true;
    user.onTunnel(this, this, NO_BYTES, 0, 0);
  }

  protected override onBodyData(bytes: Buffer, start: number, end: number): void {
    const user = this.#user;
    if (user === undefined) return;
    this.#bodyBytes += end - start;
    const { body, contentLength } = this.response;
    const isAllowed =
      this.#hasHead &&
      (body === "chunked" || (body === "length" && this.#bodyBytes <= contentLength));
    if (isAllowed) user.onResponseBody(bytes, start, end);
    else this.#breakOff(user, "the answer's body is not what its head says");
  }

  protected override onMessageEnd(trailers: FieldBlock | undefined): void {
    const user = this.#user;
    if (user === undefined) return;
    const { body, contentLength } = this.response;
    if (!this.#hasHead) this.#breakOff(user, "the stream ended before an answer");
    else if (body === "length" && this.#bodyBytes !== contentLength) {
      this.#breakOff(user, "the answer's body is shorter than its head says");
    } else {
      this.trailers = trailers;
      this.session.servedCount++;
      user.onResponseEnd(this);
      this.#release(this.hasSentEnd ? undefined : RESET_CODE.cancel);
      user.onUpstreamReleased();
    }
  }

  override onBadTrailers(error: Http1Error): void {
    const user = this.#user;
    if (user !== undefined) this.#breakOff(user, `the answer's trailers: ${error.message}`);
  }

  #breakOff(user: UpstreamUser, reason: string): void {
    this.#release(RESET_CODE.protocol);
    if (this.#hasHead) user.onResponseCut(reason);
    else user.onUpstreamFault({ kind: "protocol", reason });
  }

  override onFlush(): void {
    this.#user?.onResponseFlush();
  }

  protected override onMessageReset(code: number): void {
    const user = this.#user;
    const hadHead = this.#hasHead;
    this.#release(undefined);
    if (user === undefined) return;
    const reason = `the peer reset the stream (${code})`;
    if (hadHead) user.onResponseCut(reason);
    else user.onUpstreamFault({ kind: "reset", reason, isRefused: code === RESET_CODE.refused });
  }

  protected override onMessageLost(reason: string): void {
    const user = this.#user;
    const hadHead = this.#hasHead;
    this.#release(undefined);
    if (user === undefined) return;
    if (hadHead) user.onResponseCut(reason);
    else {
      const isStale = this.session.servedCount > 0;
      user.onUpstreamFault({ kind: "closed", reason, isStale });
    }
  }

  giveBack(): void {
    this.#release(undefined);
  }

  abandon(): void {
    if (this.#user !== undefined) this.#release(RESET_CODE.cancel);
  }

  discard(): void {
    this.abandon();
  }

  #release(code: number | undefined): void {
    this.#user = undefined;
    this.close(code);
    this.id = 0;
    this.session.spare(this, true);
  }

  protected override onTunnelClosed(): void {
    this.session.spare(this, false);
  }
}
