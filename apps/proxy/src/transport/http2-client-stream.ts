import type { ClientHttp2Stream, ClientSessionRequestOptions } from "node:http2";
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
import { END_STREAM, HTTP2_CODE } from "../core/node-http2.ts";
import type { UpstreamFault } from "./failure.ts";
import { closeSoon } from "./http2-close.ts";
import {
  type RawHeaders,
  readTrailers,
  requestHeaders,
  responseText,
  trailerHeaders,
} from "./http2-head.ts";
import { fieldNames } from "./proxy-fields.ts";
import type { UpstreamStream, UpstreamUser } from "./upstream-stream.ts";

const WRITE_HIGH_WATER_BYTES = 131_072;

/** Heads are put together here and turned into HTTP/2's within the same call. */
const scratch = new OutBuffer(8_192);

/** What a stream asks of the connection that carries it. */
export interface Http2StreamCarrier {
  /** Exchanges it has carried to their end. */
  servedCount: number;
  /** Why it ended, once it has. */
  readonly closeReason: string | undefined;
  /** Throws for what `node:http2` does not send. */
  open(headers: string[], options: ClientSessionRequestOptions): ClientHttp2Stream;
  /** Takes a stream back; it may serve again. */
  spare(stream: Http2ClientStream): void;
}

/** One request over HTTP/2. Used again for the next, with another stream of the session. */
export class Http2ClientStream implements UpstreamStream {
  readonly response: ResponseParser;
  trailers: FieldBlock | undefined;
  readonly #session: Http2StreamCarrier;
  readonly #request: RequestParser;
  readonly #limits: Http1Limits;
  #stream: ClientHttp2Stream | undefined;
  #user: UpstreamUser | undefined;
  #method = "GET";
  #hasHead = false;
  #requestTrailers: FieldBlock | undefined;

  constructor(session: Http2StreamCarrier, limits: Http1Limits) {
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
      const hasBody = (flags & END_STREAM) === 0;
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
    if (!stream.writableEnded) closeSoon(stream, HTTP2_CODE.cancel);
    this.#release();
    user.onUpstreamReleased();
  }

  #breakOff(reason: string): void {
    const hadHead = this.#hasHead;
    const user = this.#user;
    this.#close(HTTP2_CODE.protocolError);
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
    if (this.#user !== undefined) this.#close(HTTP2_CODE.cancel);
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
  if (code === HTTP2_CODE.refusedStream) return { kind: "reset", reason, isRefused: true };
  if (isLost) return { kind: "closed", reason, isStale: hasServed };
  return { kind: "reset", reason, isRefused: false };
}
