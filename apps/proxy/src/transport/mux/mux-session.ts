import { BodyReader, type BodySink, Http1Error, type Http1Limits } from "@heddle/http1";
import type { ByteStreamHandler } from "../byte-stream.ts";
import type { Connection } from "../connection.ts";
import type { DeadlineClock, Watched } from "../deadline-clock.ts";
import { fieldNames } from "../proxy-fields.ts";
import { FloodBudget } from "./flood-budget.ts";
import { FrameWriter } from "./frame-writer.ts";
import { FRAME, FrameReader, type FrameSink, GOAWAY_CODE } from "./frames.ts";
import { MuxError } from "./mux-error.ts";
import type { MuxStream, StreamCarrier } from "./mux-stream.ts";

/** With requests under way and nothing heard for so long, the peer is asked whether it is there. */
const SILENCE_MS = 10_000;
const PONG_MS = 5_000;

/**
 * One connection of heddle-mux/1: frames in, frames out. What the peer does against the rules closes the connection, with the reason in a log and
 * a GOAWAY; it never does more.
 *
 *   open → draining (`drain`, GOAWAY) → closed      open → closed (a fault, the peer's end)
 */
export abstract class MuxSession
  implements StreamCarrier, ByteStreamHandler, FrameSink, BodySink, Watched
{
  readonly clock: DeadlineClock;
  readonly limits: Http1Limits;
  deadlineMs: number;
  watchIndex = -1;
  isClosed = false;
  isDraining = false;
  readonly frames: FrameWriter;
  protected readonly streams = new Map<number, MuxStream>();
  readonly #connection: Connection;
  readonly #reader = new FrameReader();
  readonly #trailers: BodyReader;
  /** The stream that has been handed something it has not flushed yet. */
  #unflushed: MuxStream | undefined;
  #type = 0;
  #isEnd = false;
  #frameStream = 0;
  #stream: MuxStream | undefined;
  readonly #control = Buffer.alloc(8);
  #controlBytes = 0;
  readonly #flood: FloodBudget;
  #heardAtMs: number;
  #isPinged = false;
  #closeReason: string | undefined;

  constructor(connection: Connection, clock: DeadlineClock, limits: Http1Limits) {
    this.#connection = connection;
    this.clock = clock;
    this.limits = limits;
    this.#trailers = new BodyReader(fieldNames, limits);
    this.deadlineMs = clock.nowMs + SILENCE_MS;
    this.#flood = new FloodBudget(clock.nowMs);
    this.frames = new FrameWriter(connection, () => this.#unblock());
    this.#heardAtMs = clock.nowMs;
    clock.watch(this);
  }

  /** How long nothing was heard. */
  protected silentMs(nowMs: number): number {
    return nowMs - this.#heardAtMs;
  }

  protected get connection(): Connection {
    return this.#connection;
  }

  get streamCount(): number {
    return this.streams.size;
  }

  /** The stream a HEAD frame belongs to: an open one, or a new one. `undefined`: it is not wanted. */
  protected abstract streamOfHead(id: number): MuxStream | undefined;
  /** Whether this stream was ever opened. */
  protected abstract wasOpened(id: number): boolean;
  protected abstract onGoaway(): void;
  /** The last stream is gone. */
  protected abstract onEmpty(): void;
  protected abstract onPeerEnd(): void;
  protected abstract onFault(error: MuxError): void;
  /** The connection is gone; its streams know. */
  protected abstract onLost(): void;
  /** The clock's call, some time after the last, while nothing is wrong. */
  protected abstract onTick(nowMs: number): void;

  // ---- Reading ----

  onData(bytes: Buffer, start: number, end: number): void {
    this.#heardAtMs = this.clock.nowMs;
    this.#isPinged = false;
    try {
      this.#reader.read(bytes, start, end, this);
    } catch (error) {
      if (!(error instanceof MuxError)) throw error;
      this.#flushStream();
      this.#refuse(error);
    }
    this.#flushStream();
  }

  #refuse(error: MuxError): void {
    this.onFault(error);
    this.#closeReason = error.message;
    this.frames.goaway(GOAWAY_CODE.protocol);
    this.frames.flushLast();
    this.destroy();
  }

  onFrame(type: number, isEnd: boolean, id: number, length: number): void {
    this.#type = type;
    this.#isEnd = isEnd;
    this.#frameStream = id;
    this.#controlBytes = 0;
    if (id === 0) {
      // Those a GOAWAY sends elsewhere must not find a head that has not left yet.
      this.#flushStream();
      return;
    }
    const stream = type === FRAME.head ? this.streamOfHead(id) : this.streams.get(id);
    this.#stream = stream;
    if (stream === undefined) {
      if (!this.wasOpened(id)) {
        throw new MuxError("STREAM_IDLE", `a frame of type ${type} for stream ${id}, not open yet`);
      }
      return;
    }
    if (stream !== this.#unflushed) this.#flushStream();
    if (type === FRAME.data) {
      if (length === 0 && !isEnd) this.countFlood();
      stream.onReceived(length);
    } else if (type === FRAME.head || type === FRAME.trailers) stream.onReceived(0);
    if (type === FRAME.trailers) this.#trailers.reset("chunked", 0);
  }

  onPayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    if (this.#type > FRAME.trailers) {
      this.#onControl(bytes, start, end, isLast);
      return;
    }
    const stream = this.#stream;
    // A stream that is over: what was under way when it ended.
    if (stream === undefined || stream.isClosed || stream.id !== this.#frameStream) return;
    this.#unflushed = stream;
    if (this.#type === FRAME.data) {
      if (end > start) stream.onData(bytes, start, end);
    } else if (this.#type === FRAME.head) stream.onHead(bytes, start, end, isLast);
    else this.#readTrailers(stream, bytes, start, end, isLast);
    const isEnd = isLast && this.#isEnd && this.#type !== FRAME.trailers;
    if (isEnd && !stream.isClosed && stream.id === this.#frameStream) stream.onEnd();
  }

  #readTrailers(
    stream: MuxStream,
    bytes: Buffer,
    start: number,
    end: number,
    isLast: boolean,
  ): void {
    const reader = this.#trailers;
    let next = end;
    try {
      if (start < end) next = reader.read(bytes, start, end, this);
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      stream.onBadTrailers(error);
      return;
    }
    if (reader.isComplete !== isLast || next !== end) {
      throw new MuxError("TRAILERS", "a trailer section does not end where its frame does");
    }
    if (isLast) stream.onTrailers(reader.trailers);
  }

  /** The trailers' reader found a chunk. */
  onBody(): void {
    throw new MuxError("TRAILERS", "a trailer section holds a chunk");
  }

  #flushStream(): void {
    const stream = this.#unflushed;
    this.#unflushed = undefined;
    if (stream !== undefined && !stream.isClosed) stream.onFlush();
  }

  #onControl(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    bytes.copy(this.#control, this.#controlBytes, start, end);
    this.#controlBytes += end - start;
    if (!isLast) return;
    const stream = this.#stream;
    switch (this.#type) {
      case FRAME.reset:
        this.countFlood();
        if (stream !== undefined && !stream.isClosed) stream.onReset(this.#control[0] as number);
        break;
      case FRAME.window:
        if (stream !== undefined && !stream.isClosed) {
          stream.onWindow(this.#control.readUInt32BE(0));
        }
        break;
      case FRAME.ping:
        if (!this.#isEnd) this.#pong();
        break;
      default:
        this.isDraining = true;
        this.onGoaway();
    }
  }

  #pong(): void {
    this.countFlood();
    this.frames.ping(true, this.#control);
  }

  /** The peer has sent a frame that costs us more than it. */
  protected countFlood(): void {
    this.#flood.spend(this.clock.nowMs);
  }

  // ---- Writing ----

  get isBlocked(): boolean {
    return this.frames.isBlocked;
  }

  onDrain(): void {
    this.frames.flush();
    if (!this.isBlocked) this.#unblock();
  }

  #unblock(): void {
    for (const stream of [...this.streams.values()]) if (!stream.isClosed) stream.onUnblocked();
  }

  // ---- The end ----

  remove(id: number): void {
    this.streams.delete(id);
    if (this.#unflushed?.id === id) this.#unflushed = undefined;
    if (this.streams.size === 0) this.onEmpty();
  }

  /** Asks for no new streams; those there are go on to their end. */
  drain(): void {
    if (this.isClosed) return;
    const isNews = !this.isDraining;
    this.isDraining = true;
    if (!isNews) return;
    this.frames.goaway(GOAWAY_CODE.drain);
  }

  /** Sends what waits, then the end. */
  protected finish(): void {
    this.frames.flush();
    this.#connection.end();
  }

  destroy(): void {
    this.#connection.destroy();
    this.#lose(this.#closeReason ?? "closed");
  }

  onEnd(): void {
    this.onPeerEnd();
  }

  onClose(error: Error | undefined): void {
    this.#lose(error?.message ?? this.#closeReason ?? "closed by the peer");
  }

  #lose(reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.frames.close();
    this.clock.unwatch(this);
    const lost = [...this.streams.values()];
    this.streams.clear();
    for (const stream of lost) if (!stream.isClosed) stream.onSessionLost(reason);
    this.onLost();
  }

  onDeadline(nowMs: number): void {
    const silentMs = this.silentMs(nowMs);
    this.deadlineMs = nowMs + PONG_MS;
    this.frames.giveMemoryBack();
    if (this.streams.size > 0 && silentMs >= SILENCE_MS) {
      if (this.#isPinged && silentMs >= SILENCE_MS + PONG_MS) {
        this.#closeReason = `no sign of life for ${SILENCE_MS + PONG_MS} ms`;
        this.destroy();
        return;
      }
      this.#ping();
    }
    this.onTick(nowMs);
  }

  #ping(): void {
    this.#isPinged = true;
    this.frames.ping(false, this.#control);
  }
}
