import type { OutBuffer } from "@heddle/http1";
import type { TrafficRecorder } from "../core/traffic-recorder.ts";
import type { ByteStream } from "./byte-stream.ts";
import type { DeadlineClock, Watched } from "./deadline-clock.ts";
import { Tunnel } from "./tunnel.ts";

/** How often an open connection's bytes are counted: the window of the metrics. */
const REPORT_MS = 1_000;

/** How long an opaque connection may last. `undefined`: an hour without a byte, else without end. */
export type TcpFlowBounds = {
  /** Without a byte in either direction; 0: never. */
  readonly tcpIdleTimeoutMs?: number | undefined;
  readonly maxConnectionDurationMs?: number | undefined;
};

/** An opaque connection that has found its other end: passes the bytes and counts them while it lasts. */
export class TcpFlow implements Watched {
  deadlineMs: number;
  watchIndex = -1;
  readonly #recorder: TrafficRecorder;
  readonly #series: number;
  readonly #tunnel: Tunnel;
  readonly #clock: DeadlineClock;
  readonly #endAtMs: number;
  #reportedUp = 0;
  #reportedDown = 0;

  /** `series` of `recorder.tcpSeries`; `onEnd` comes once both directions are over. */
  constructor(parts: {
    readonly recorder: TrafficRecorder;
    readonly series: number;
    readonly clock: DeadlineClock;
    readonly downstream: ByteStream;
    readonly upstream: ByteStream;
    readonly bounds: TcpFlowBounds;
    readonly onEnd: () => void;
  }) {
    const { recorder, series, clock, downstream, upstream, bounds, onEnd } = parts;
    this.#recorder = recorder;
    this.#series = series;
    this.#clock = clock;
    const { tcpIdleTimeoutMs: idleMs, maxConnectionDurationMs } = bounds;
    recorder.tcpOpened(series);
    this.#tunnel = new Tunnel(
      downstream,
      upstream,
      clock,
      () => {
        clock.unwatch(this);
        this.#report();
        recorder.tcpClosed(series);
        onEnd();
      },
      idleMs === 0 ? Number.POSITIVE_INFINITY : idleMs,
    );
    this.#endAtMs = clock.nowMs + (maxConnectionDurationMs ?? Number.POSITIVE_INFINITY);
    this.deadlineMs = this.#nextDeadline();
    clock.watch(this);
  }

  /** What the client has sent so far. */
  get upBytes(): number {
    return this.#tunnel.upBytes;
  }

  /** What it was sent so far. */
  get downBytes(): number {
    return this.#tunnel.downBytes;
  }

  /** Bytes the client had sent before there was anyone to take them. */
  sendUp(kept: OutBuffer): void {
    if (kept.length > 0) this.#tunnel.sendUp(kept.bytes, 0, kept.length);
  }

  sendDown(bytes: Buffer, start: number, end: number): void {
    this.#tunnel.sendDown(bytes, start, end);
  }

  destroy(): void {
    this.#tunnel.destroy();
  }

  onDeadline(nowMs: number): void {
    if (nowMs >= this.#endAtMs) {
      this.deadlineMs = Number.POSITIVE_INFINITY;
      this.#tunnel.destroy();
      return;
    }
    this.#report();
    this.deadlineMs = this.#nextDeadline();
  }

  #nextDeadline(): number {
    return Math.min(this.#clock.nowMs + REPORT_MS, this.#endAtMs);
  }

  /** `sent` is Istio's word for what goes to the client. */
  #report(): void {
    const { upBytes, downBytes } = this.#tunnel;
    const sent = downBytes - this.#reportedDown;
    const received = upBytes - this.#reportedUp;
    if (sent === 0 && received === 0) return;
    this.#reportedDown = downBytes;
    this.#reportedUp = upBytes;
    this.#recorder.tcpBytes(this.#series, sent, received);
  }
}
