import type { Http1Limits } from "@heddle/http1";
import type { Connection } from "../connection.ts";
import type { DeadlineClock } from "../deadline-clock.ts";
import type { UpstreamStream, UpstreamUser } from "../upstream-stream.ts";
import { MAX_STREAM } from "./frames.ts";
import { type MuxClientCarrier, MuxClientStream } from "./mux-client-stream.ts";
import type { MuxError } from "./mux-error.ts";
import { MuxSession } from "./mux-session.ts";
import type { MuxStream } from "./mux-stream.ts";

/** Streams kept for the next requests. */
const MAX_SPARE = 128;
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
export class MuxClientSession extends MuxSession implements MuxClientCarrier {
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
