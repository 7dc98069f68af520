import http2, {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
} from "node:http2";
import { Readable } from "node:stream";
import {
  type BodyKind,
  type FieldBlock,
  Http1Error,
  type Http1Limits,
  OutBuffer,
  RequestParser,
  ResponseParser,
} from "@heddle/http1";
import type { Connection } from "./connection.ts";
import type { DeadlineClock, Watched } from "./deadline-clock.ts";
import type { UpstreamFault } from "./failure.ts";
import { closeSoon } from "./http2-close.ts";
import {
  type RawHeaders,
  readTrailers,
  requestHeaders,
  responseText,
  trailerHeaders,
} from "./http2-head.ts";
import type { IdleTime } from "./idle-time.ts";
import { fieldNames } from "./proxy-fields.ts";
import type { UpstreamStream, UpstreamUser } from "./upstream-stream.ts";

const { constants } = http2;

/** What the server may send on one stream before it is told that more is welcome. */
const STREAM_WINDOW_BYTES = 262_144;
const SESSION_WINDOW_BYTES = 1_048_576;
const WRITE_HIGH_WATER_BYTES = 131_072;
const MAX_SESSION_MEGABYTES = 32;
/** Until the server has said how many it takes (RFC 9113 §6.5.2 recommends at least this). */
const FIRST_MAX_STREAMS = 100;
/** Streams kept for the next requests. */
const MAX_SPARE = 64;
const NO_BYTES = Buffer.alloc(0);
/** What a client repeats is the server's to judge. Node's types know this of servers alone. */
const FIELDS_AS_THEY_ARE = { strictSingleValueFields: false };

/** Heads are put together here and turned into HTTP/2's within the same call. */
const scratch = new OutBuffer(8_192);

/** Whom a session belongs to. */
export interface Http2ClientOwner {
  readonly clock: DeadlineClock;
  readonly limits: Http1Limits;
  readonly idleTime: IdleTime;
  /** Requests after which a session takes no more; `undefined`: any number. */
  readonly maxRequests: number | undefined;
  /** Requests at once on one connection, at most. */
  readonly maxStreams: number;
  /** A stream is free again, or the server takes more of them. */
  onRoom(): void;
  onClosed(session: Http2ClientSession): void;
}

/** A connection to a server that speaks HTTP/2; it carries many requests at once. */
export class Http2ClientSession implements Watched {
  deadlineMs = Number.POSITIVE_INFINITY;
  watchIndex = -1;
  /** The identity's generation it was opened with. */
  readonly generation: number;
  readonly openedAtMs: number;
  busyCount = 0;
  servedCount = 0;
  isRetired = false;
  /** Why it ended, once it has. */
  closeReason: string | undefined;
  readonly #owner: Http2ClientOwner;
  readonly #session: ClientHttp2Session;
  readonly #spare: Http2ClientStream[] = [];
  #requestCount = 0;
  #maxStreams = FIRST_MAX_STREAMS;

  constructor(
    connection: Connection,
    authority: string,
    owner: Http2ClientOwner,
    generation: number,
  ) {
    this.#owner = owner;
    this.generation = generation;
    this.openedAtMs = owner.clock.nowMs;
    const socket = connection.release(NO_BYTES);
    const session = http2.connect(`http://${authority}`, {
      ...FIELDS_AS_THEY_ARE,
      createConnection: () => socket,
      maxSessionMemory: MAX_SESSION_MEGABYTES,
      maxHeaderListPairs: owner.limits.maxFields + 8,
      settings: {
        enablePush: false,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxHeaderListSize: owner.limits.maxHeadBytes,
      },
    });
    this.#session = session;
    // A server that has closed its side answers nothing any more.
    socket.once("end", () => session.destroy());
    // `release` has stopped the reading, and a session takes for granted that it goes on.
    socket.read(0);
    session.once("connect", () => session.setLocalWindowSize(SESSION_WINDOW_BYTES));
    session.on("remoteSettings", ({ maxConcurrentStreams }) => {
      this.#maxStreams = maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
      owner.onRoom();
    });
    session.on("goaway", () => this.retire());
    session.on("error", (error) => {
      this.closeReason ??= error.message;
    });
    session.on("close", () => {
      this.isRetired = true;
      owner.clock.unwatch(this);
      owner.onClosed(this);
    });
    this.#rest();
    owner.clock.watch(this);
  }

  /** Whether one more request may be sent over it now. */
  get hasRoom(): boolean {
    const { maxRequests = Number.POSITIVE_INFINITY, maxStreams } = this.#owner;
    return (
      !this.isRetired &&
      !this.#session.closed &&
      !this.#session.destroyed &&
      this.busyCount < this.#maxStreams &&
      this.busyCount < maxStreams &&
      this.#requestCount < maxRequests
    );
  }

  #rest(): void {
    const { clock, idleTime } = this.#owner;
    this.deadlineMs = clock.nowMs + idleTime.ms(clock.nowMs);
  }

  /** A stream for a request of `method`. */
  assign(user: UpstreamUser, method: string): Http2ClientStream {
    this.busyCount++;
    this.#requestCount++;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    const stream = this.#spare.pop() ?? new Http2ClientStream(this, this.#owner.limits);
    stream.assign(user, method);
    return stream;
  }

  open(headers: string[], options: ClientSessionRequestOptions): ClientHttp2Stream {
    return this.#session.request(headers, options);
  }

  /** Takes a stream back; it may serve again. */
  spare(stream: Http2ClientStream): void {
    this.busyCount--;
    if (this.#spare.length < MAX_SPARE) this.#spare.push(stream);
    if (this.busyCount === 0) {
      this.#rest();
      if (this.isRetired) this.#session.close();
    }
    if (!this.isRetired) this.#owner.onRoom();
  }

  /** Takes no new requests, and closes after the last. */
  retire(): void {
    if (this.isRetired) return;
    this.isRetired = true;
    if (this.busyCount === 0) this.#session.close();
    this.#owner.onRoom();
  }

  onDeadline(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    if (this.busyCount === 0) this.retire();
  }
}

/** One request over HTTP/2. Used again for the next, with another stream of the session. */
class Http2ClientStream implements UpstreamStream {
  readonly response: ResponseParser;
  trailers: FieldBlock | undefined;
  readonly #session: Http2ClientSession;
  readonly #request: RequestParser;
  readonly #limits: Http1Limits;
  #stream: ClientHttp2Stream | undefined;
  #user: UpstreamUser | undefined;
  #method = "GET";
  #hasHead = false;
  #requestTrailers: FieldBlock | undefined;

  constructor(session: Http2ClientSession, limits: Http1Limits) {
    this.#session = session;
    this.#limits = limits;
    this.response = new ResponseParser(fieldNames, limits);
    this.#request = new RequestParser(fieldNames, limits);
  }

  assign(user: UpstreamUser, method: string): void {
    this.#user = user;
    this.#method = method;
    this.#hasHead = false;
    this.#stream = undefined;
    this.trailers = undefined;
    this.#requestTrailers = undefined;
    this.response.reset(method);
  }

  // ---- The request ----

  get isBlocked(): boolean {
    return (this.#stream?.writableLength ?? 0) > WRITE_HIGH_WATER_BYTES;
  }

  startRequest(): OutBuffer {
    scratch.clear();
    return scratch;
  }

  endHead(body: BodyKind): void {
    if (body === "chunked") scratch.text("transfer-encoding: chunked\r\n");
    scratch.endHead();
    const request = this.#request;
    request.reset();
    request.parse(scratch.bytes, 0, scratch.length);
    const endStream = body === "none" || body === "tunnel";
    // Without trailers to wait for, `close` would send what is pending as if it were the whole request.
    const options = { endStream, waitForTrailers: !endStream };
    scratch.clear();
    try {
      const stream = this.#session.open(requestHeaders(request), options);
      this.#stream = stream;
      this.#listen(stream);
    } catch (error) {
      this.#refuseSoon(error);
    }
  }

  /** `node:http2` throws for what it does not send: the session has just ended, or the head is none. */
  #refuseSoon(error: unknown): void {
    const user = this.#user;
    const reason = error instanceof Error ? error.message : String(error);
    // Whoever sends the head has more to do with this stream in this turn.
    process.nextTick(() => {
      if (user === undefined || this.#user !== user || this.#stream !== undefined) return;
      this.#release();
      user.onUpstreamFault({ kind: "reset", reason, isRefused: true });
    });
  }

  #listen(stream: ClientHttp2Stream): void {
    const isMine = () => this.#stream === stream && this.#user !== undefined;
    const end = watchEnd(stream);
    let reason: string | undefined;
    stream.on("wantTrailers", () => {
      if (!stream.closed) stream.sendTrailers(trailerHeaders(this.#requestTrailers));
    });
    stream.on("headers", (_headers, _flags, raw: RawHeaders) => {
      if (isMine()) this.#onHead(raw, true);
    });
    stream.on("response", (_headers, flags, raw: RawHeaders) => {
      const hasBody = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0;
      if (isMine()) this.#onHead(raw, hasBody);
    });
    stream.on("data", (bytes: Buffer) => {
      if (!isMine()) return;
      this.#user?.onResponseBody(bytes, 0, bytes.length);
      this.#user?.onResponseFlush();
    });
    stream.on("trailers", (_headers, _flags, raw: RawHeaders) => {
      if (isMine()) this.#onTrailers(raw);
    });
    stream.on("end", () => {
      if (isMine() && end.hasCome) this.#onEnd(stream);
    });
    stream.on("drain", () => {
      if (isMine()) this.#user?.onUpstreamDrain();
    });
    stream.on("error", (error) => {
      reason = error.message;
    });
    stream.on("close", () => {
      if (isMine()) this.#onLost(stream.rstCode, reason);
    });
  }

  writeBody(bytes: Buffer, start: number, end: number): void {
    const stream = this.#stream;
    if (stream === undefined || stream.closed || stream.destroyed || start === end) return;
    stream.write(Buffer.from(bytes.subarray(start, end)));
  }

  endRequest(trailers: FieldBlock | undefined): void {
    const stream = this.#stream;
    this.#requestTrailers = trailers;
    if (stream !== undefined && !stream.closed && !stream.destroyed) stream.end();
  }

  flush(): void {}

  // ---- The response ----

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  #onHead(raw: RawHeaders, hasBody: boolean): void {
    const { response } = this;
    const user = this.#user as UpstreamUser;
    try {
      const head = Buffer.from(responseText(raw, hasBody, this.#method), "latin1");
      if (response.parse(head, 0, head.length) !== head.length) {
        throw new Http1Error("STATUS", "the head is not one head");
      }
      response.detach(head.length);
      if (response.status === 101) throw new Http1Error("STATUS", "HTTP/2 knows no 101");
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      this.#breakOff(`the answer is not valid HTTP/2: ${error.message}`);
      return;
    }
    if (response.status < 200) {
      user.onInformational(this);
      response.reset(this.#method);
      return;
    }
    this.#hasHead = true;
    user.onResponseHead(this);
    // Its body comes in another turn, if ever: nobody else may find the head still waiting to leave.
    if (this.#user === user) user.onResponseFlush();
  }

  #onTrailers(raw: RawHeaders): void {
    try {
      this.trailers = readTrailers(raw, this.#limits);
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      this.#breakOff(`the answer's trailers are not valid: ${error.message}`);
    }
  }

  #onEnd(stream: ClientHttp2Stream): void {
    const user = this.#user as UpstreamUser;
    if (!this.#hasHead) {
      this.#breakOff("the stream ended before an answer");
      return;
    }
    this.#session.servedCount++;
    user.onResponseEnd(this);
    // The answer is whole though the request is not: its rest is wanted by nobody.
    if (!stream.writableEnded) closeSoon(stream, constants.NGHTTP2_CANCEL);
    this.#release();
    user.onUpstreamReleased();
  }

  #breakOff(reason: string): void {
    const hadHead = this.#hasHead;
    const user = this.#user;
    this.#close(constants.NGHTTP2_PROTOCOL_ERROR);
    if (hadHead) user?.onResponseCut(reason);
    else user?.onUpstreamFault({ kind: "protocol", reason });
  }

  #onLost(code: number, error: string | undefined): void {
    const user = this.#user;
    const hadHead = this.#hasHead;
    const session = this.#session;
    const lost = session.closeReason;
    this.#release();
    const name = lost ?? error ?? `the server reset the stream (code ${code})`;
    if (hadHead) user?.onResponseCut(name);
    else user?.onUpstreamFault(faultOf(code, name, lost !== undefined, session.servedCount > 0));
  }

  giveBack(): void {
    this.#release();
  }

  abandon(): void {
    if (this.#user !== undefined) this.#close(constants.NGHTTP2_CANCEL);
  }

  discard(): void {
    this.abandon();
  }

  #close(code: number): void {
    const stream = this.#stream;
    this.#release();
    if (stream !== undefined) closeSoon(stream, code);
  }

  #release(): void {
    this.#user = undefined;
    this.#stream = undefined;
    this.#session.spare(this);
  }
}

/**
 * Whether the server has ended the stream. `node:http2` ends it for the reader as well when the
 * connection goes away or the stream is reset without an error: then it is closed before, and not whole.
 */
function watchEnd(stream: ClientHttp2Stream): { hasCome: boolean } {
  const end = { hasCome: false };
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null && !stream.closed) end.hasCome = true;
    return Readable.prototype.push.call(stream, chunk, encoding);
  };
  return end;
}

function faultOf(code: number, reason: string, isLost: boolean, hasServed: boolean): UpstreamFault {
  if (code === constants.NGHTTP2_REFUSED_STREAM) return { kind: "reset", reason, isRefused: true };
  if (isLost) return { kind: "closed", reason, isStale: hasServed };
  return { kind: "reset", reason, isRefused: false };
}
