import { OutBuffer } from "@heddle/http1";
import type { ByteStream, ByteStreamHandler } from "./byte-stream.ts";
import type { DeadlineClock, Watched } from "./deadline-clock.ts";

/** As Envoy's for TCP. */
const IDLE_MS = 3_600_000;

/** What passed through a tunnel, told once it is over. */
export type TunnelEnd = { readonly upBytes: number; readonly downBytes: number };

/**
 * Passes bytes between two streams as they come, each side held back while the other does not
 * take them. The end of one direction is passed on; the tunnel is over when both have ended.
 */
export class Tunnel implements Watched {
  deadlineMs: number;
  watchIndex = -1;
  readonly #clock: DeadlineClock;
  readonly #idleMs: number;
  readonly #up: Half;
  readonly #down: Half;
  readonly #onEnd: (end: TunnelEnd) => void;
  #isOver = false;

  constructor(
    downstream: ByteStream,
    upstream: ByteStream,
    clock: DeadlineClock,
    onEnd: (end: TunnelEnd) => void,
    idleMs = IDLE_MS,
  ) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#onEnd = onEnd;
    this.#up = new Half(downstream, upstream, this);
    this.#down = new Half(upstream, downstream, this);
    downstream.handler = this.#up;
    upstream.handler = this.#down;
    this.deadlineMs = clock.nowMs + idleMs;
    clock.watch(this);
    downstream.resume();
    upstream.resume();
  }

  /** What has passed so far. */
  get upBytes(): number {
    return this.#up.byteCount;
  }

  get downBytes(): number {
    return this.#down.byteCount;
  }

  /** Bytes that arrived before the tunnel was there. */
  sendUp(bytes: Buffer, start: number, end: number): void {
    this.#up.onData(bytes, start, end);
  }

  sendDown(bytes: Buffer, start: number, end: number): void {
    this.#down.onData(bytes, start, end);
  }

  onActivity(): void {
    this.deadlineMs = this.#clock.nowMs + this.#idleMs;
  }

  onDeadline(): void {
    this.destroy();
  }

  /** One of the two streams is gone. */
  onHalfClosed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#clock.unwatch(this);
    // What one side has sent before it went away may still be on its way to the other.
    this.#up.finish();
    this.#down.finish();
    this.#onEnd({ upBytes: this.#up.byteCount, downBytes: this.#down.byteCount });
  }

  destroy(): void {
    this.#up.source.destroy();
    this.#down.source.destroy();
  }
}

/** One direction: what `source` sends goes to `sink`. */
class Half implements ByteStreamHandler {
  readonly source: ByteStream;
  readonly #sink: ByteStream;
  readonly #tunnel: Tunnel;
  readonly #out = new OutBuffer(4_096);
  byteCount = 0;

  constructor(source: ByteStream, sink: ByteStream, tunnel: Tunnel) {
    this.source = source;
    this.#sink = sink;
    this.#tunnel = tunnel;
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (start === end) return;
    this.byteCount += end - start;
    this.#tunnel.onActivity();
    this.#out.copy(bytes, start, end);
    this.#sink.write(this.#out);
    if (this.#sink.isBlocked) this.source.pause();
  }

  onEnd(): void {
    this.#sink.end();
  }

  /** `source` takes bytes again, so its peer may go on sending. */
  onDrain(): void {
    this.#tunnel.onActivity();
    this.#sink.resume();
  }

  onClose(error: Error | undefined): void {
    if (error === undefined) this.#sink.end();
    else this.#sink.reset();
    this.#tunnel.onHalfClosed();
  }

  finish(): void {
    if (!this.source.isClosed) this.source.end();
  }
}
