import type { TLSSocket } from "node:tls";
import type { ByteStream, ByteStreamHandler } from "../byte-stream.ts";
import { Connection } from "../connection.ts";
import type { HttpExchange } from "../http-exchange.ts";
import type { Session } from "../socket-listener.ts";
import { RESET_CODE } from "./frames.ts";
import { MuxError } from "./mux-error.ts";
import { type MuxServerCarrier, MuxServerStream, type TcpAnswer } from "./mux-server-stream.ts";
import { MuxSession } from "./mux-session.ts";
import type { MuxStream } from "./mux-stream.ts";

/** Requests of one peer connection at a time; more are refused, and may be sent again. */
export const MAX_STREAMS = 1_024;
/** Streams and their exchanges kept for the next requests. */
const MAX_SPARE = 128;

/** Nothing is read before the session is there. */
const NOT_YET: ByteStreamHandler = {
  onData: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
};

/** What a session needs to know of whoever accepted its connection. */
export type MuxServerParts = {
  /** Makes an exchange for one more request at a time. */
  exchange(): HttpExchange;
  /** Takes an opaque connection; `answer` says whether there is somebody to take its bytes. */
  onTcp(stream: ByteStream, answer: TcpAnswer): void;
  onGone(session: MuxServerSession): void;
  onFault(error: MuxError): void;
};

/** A peer's connection: each stream it opens is a request for an exchange of its own. */
export class MuxServerSession extends MuxSession implements MuxServerCarrier, Session {
  readonly #parts: MuxServerParts;
  readonly #spare: MuxServerStream[] = [];
  readonly #idleMs: number;
  #lastId = 0;

  private constructor(connection: Connection, exchange: HttpExchange, parts: MuxServerParts) {
    super(connection, exchange.clock, exchange.limits);
    this.#parts = parts;
    this.#idleMs = exchange.timeouts.idleMs;
    this.#spare.push(new MuxServerStream(this, exchange));
  }

  /** Takes over a TLS connection that has agreed to heddle-mux/1. */
  static start(socket: TLSSocket, parts: MuxServerParts): MuxServerSession {
    const connection = Connection.adoptTls(socket, NOT_YET);
    const session = new MuxServerSession(connection, parts.exchange(), parts);
    connection.handler = session;
    connection.start();
    return session;
  }

  protected override streamOfHead(id: number): MuxStream | undefined {
    if (id <= this.#lastId) {
      throw new MuxError("STREAM_ORDER", `stream ${id} is opened after stream ${this.#lastId}`);
    }
    this.#lastId = id;
    if (this.streams.size >= MAX_STREAMS) {
      this.countFlood();
      this.frames.reset(id, RESET_CODE.refused);
      return undefined;
    }
    const stream = this.#spare.pop() ?? new MuxServerStream(this, this.#parts.exchange());
    this.streams.set(id, stream);
    stream.begin(id);
    return stream;
  }

  /** Hands an opaque stream on. */
  startTcp(stream: ByteStream, answer: TcpAnswer): void {
    this.#parts.onTcp(stream, answer);
  }

  /** Takes a stream back whose exchange is over. */
  spare(stream: MuxServerStream): void {
    if (this.#spare.length < MAX_SPARE && !this.isClosed) this.#spare.push(stream);
  }

  protected override wasOpened(id: number): boolean {
    return id <= this.#lastId;
  }

  protected override onGoaway(): void {}

  protected override onEmpty(): void {}

  /** The client ends its side when its last stream is over. */
  protected override onPeerEnd(): void {
    if (this.streams.size > 0) this.destroy();
    else this.finish();
  }

  protected override onFault(error: MuxError): void {
    this.#parts.onFault(error);
  }

  protected override onLost(): void {
    this.#parts.onGone(this);
  }

  protected override onTick(nowMs: number): void {
    if (this.streams.size === 0 && this.silentMs(nowMs) >= this.#idleMs) this.destroy();
  }
}
