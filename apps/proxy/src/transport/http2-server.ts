import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Http1Limits } from "@heddle/http1";
import { END_STREAM, HTTP2_CODE, nodeHttp2 } from "../core/node-http2.ts";
import type { DeadlineClock, Watched } from "./deadline-clock.ts";
import type { HttpExchange } from "./http-exchange.ts";
import { Http2Downstream } from "./http2-downstream.ts";
import type { RawHeaders } from "./http2-head.ts";
import type { Session } from "./socket-listener.ts";

/** Requests of one connection at a time; more are refused by the protocol itself. Envoy's own bound. */
const MAX_STREAMS = 1_024;
/** What a peer may send on one stream before it is told that more is welcome. */
const STREAM_WINDOW_BYTES = 262_144;
/** The same for all streams of a connection together. */
const SESSION_WINDOW_BYTES = 1_048_576;
/** Memory one connection may hold in headers, frames and streams; beyond, streams are refused. */
const MAX_SESSION_MEGABYTES = 32;
/** Frames against the rules before the connection is closed. */
const MAX_INVALID_FRAMES = 100;
/** Cancelled streams in a row, and per second in the long run, before the connection is closed (rapid reset). */
const RESET_BURST = 1_000;
const RESETS_PER_SECOND = 100;
/** Exchanges kept for the next requests. */
const MAX_SPARE = 64;

/** What a connection needs to know of whoever accepted it. */
export type Http2ServerParts = {
  readonly limits: Http1Limits;
  readonly clock: DeadlineClock;
  readonly idleMs: number;
  /** Makes an exchange for one more request at a time. */
  exchange(): HttpExchange;
  onGone(session: Http2ServerSession): void;
};

/** A client's HTTP/2 connection: each of its streams is a request for an exchange of its own. */
export class Http2ServerSession implements Session, Watched {
  deadlineMs: number;
  watchIndex = -1;
  readonly #parts: Http2ServerParts;
  readonly #session: ServerHttp2Session;
  readonly #spare: HttpExchange[] = [];
  #streamCount = 0;

  /** Takes a socket over whose first bytes, where they have been read, are back in it (`unshift`). */
  constructor(socket: Socket, parts: Http2ServerParts) {
    this.#parts = parts;
    const { limits, clock, idleMs } = parts;
    this.deadlineMs = clock.nowMs + idleMs;
    const session = nodeHttp2().performServerHandshake(socket, {
      maxSessionMemory: MAX_SESSION_MEGABYTES,
      maxHeaderListPairs: limits.maxFields + 8,
      maxSessionInvalidFrames: MAX_INVALID_FRAMES,
      streamResetBurst: RESET_BURST,
      streamResetRate: RESETS_PER_SECOND,
      // What an app repeats is the app's business; refusing it would be an exception for the process.
      strictSingleValueFields: false,
      settings: {
        enablePush: false,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxConcurrentStreams: MAX_STREAMS,
        maxHeaderListSize: limits.maxHeadBytes,
      },
    });
    this.#session = session;
    // The client has closed its side: nobody waits for an answer any more (as over HTTP/1.1).
    socket.once("end", () => session.destroy());
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    session.on("stream", (stream, _headers, flags, raw) => this.#onStream(stream, flags, raw));
    // Its end follows, and says all that is to be known.
    session.on("error", () => {});
    session.on("close", () => {
      clock.unwatch(this);
      parts.onGone(this);
    });
    clock.watch(this);
  }

  #onStream(stream: ServerHttp2Stream, flags: number, raw: RawHeaders): void {
    this.#streamCount++;
    const exchange = this.#spare.pop() ?? this.#parts.exchange();
    const downstream = new Http2Downstream(stream, exchange, () => {
      this.#streamCount--;
      this.deadlineMs = this.#parts.clock.nowMs + this.#parts.idleMs;
      if (!exchange.isBusy && this.#spare.length < MAX_SPARE) this.#spare.push(exchange);
    });
    downstream.begin(raw, (flags & END_STREAM) === 0);
  }

  onDeadline(nowMs: number): void {
    if (this.#streamCount === 0) this.drain();
    this.deadlineMs = nowMs + this.#parts.idleMs;
  }

  /** GOAWAY: no further stream, those under way are finished. */
  drain(): void {
    this.#session.close();
  }

  destroy(): void {
    this.#session.destroy(undefined, HTTP2_CODE.cancel);
  }
}
