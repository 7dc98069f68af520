import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  ClientSessionRequestOptions,
} from "node:http2";
import type { Http1Limits } from "@heddle/http1";
import { nodeHttp2 } from "../core/node-http2.ts";
import type { Connection } from "./connection.ts";
import type { DeadlineClock, Watched } from "./deadline-clock.ts";
import { Http2ClientStream, type Http2StreamCarrier } from "./http2-client-stream.ts";
import type { IdleTime } from "./idle-time.ts";
import type { UpstreamUser } from "./upstream-stream.ts";

/** What the server may send on one stream before it is told that more is welcome. */
const STREAM_WINDOW_BYTES = 262_144;
const SESSION_WINDOW_BYTES = 1_048_576;
const MAX_SESSION_MEGABYTES = 32;
/** Until the server has said how many it takes (RFC 9113 §6.5.2 recommends at least this). */
const FIRST_MAX_STREAMS = 100;
/** Streams kept for the next requests. */
const MAX_SPARE = 64;
const NO_BYTES = Buffer.alloc(0);
/** What a client repeats is the server's to judge. Node's types know this of servers alone. */
const FIELDS_AS_THEY_ARE = { strictSingleValueFields: false };

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
export class Http2ClientSession implements Http2StreamCarrier, Watched {
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
    const session = nodeHttp2().connect(`http://${authority}`, {
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
