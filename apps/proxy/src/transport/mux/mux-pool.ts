import type { Http1Limits } from "@heddle/http1";
import { admitPending, describeOverflow } from "@heddle/mesh";
import { MUX_ALPN } from "../../core/workload-identity.ts";
import type { ByteStreamHandler } from "../byte-stream.ts";
import { Connection, type ConnectTarget } from "../connection.ts";
import type { DeadlineClock, Watched } from "../deadline-clock.ts";
import { type PoolOptions, UpstreamPool } from "../upstream-pool.ts";
import type { Refusal, UpstreamSource, UpstreamStream, UpstreamUser } from "../upstream-stream.ts";
import { type MuxClientOwner, MuxClientSession } from "./mux-client.ts";
import type { MuxError } from "./mux-error.ts";
import { MAX_STREAMS } from "./mux-server.ts";

/** Requests at a time on each connection before another one is opened. */
const SHARE = 256;

export type MuxPoolOptions = PoolOptions & {
  /** Multiplexed connections at a time; those that only finish their last requests come on top. */
  readonly maxMuxConnections: number;
  /** The peer broke the rules of heddle-mux/1, and its connection was closed. */
  onFault(error: MuxError): void;
};

/**
 * Streams to one sidecar: over few multiplexed connections where it speaks heddle-mux/1, else over pooled
 * HTTP/1.1 connections. Which of the two is settled by ALPN at the first connection and holds as long as
 * the pool does.
 */
export class MuxPool implements UpstreamSource, MuxClientOwner {
  readonly clock: DeadlineClock;
  readonly limits: Http1Limits;
  readonly idleMs: number;
  readonly #options: MuxPoolOptions;
  readonly #sessions: MuxClientSession[] = [];
  /** Sessions that take no new streams. */
  readonly #retired = new Set<MuxClientSession>();
  readonly #connecting = new Set<Connecting>();
  readonly #waiting: { user: UpstreamUser; method: string }[] = [];
  #http1: UpstreamPool | undefined;
  #generation: number;
  #isClosed = false;

  constructor(options: MuxPoolOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.limits = options.limits;
    this.idleMs = options.idleMs;
    this.#generation = options.generation();
  }

  /**
   * Whether a stream that may last long should go over these connections: not when the peer knows
   * HTTP/1.1 alone, nor when they carry so much already that requests would have to wait.
   */
  get takesTunnels(): boolean {
    if (this.#http1 !== undefined) return false;
    if (this.#mayConnect) return true;
    const session = this.#leastBusy();
    return session === undefined || session.busyCount < SHARE;
  }

  acquire(user: UpstreamUser, method: string): UpstreamStream | "waiting" | Refusal {
    if (this.#http1 !== undefined) return this.#http1.acquire(user, method);
    this.#followGeneration();
    const session = this.#leastBusy();
    if (session !== undefined && session.busyCount < SHARE) return session.assign(user, method);
    const target = this.#mayConnect ? this.#options.target() : undefined;
    if (typeof target === "object") this.#connect(target);
    if (session !== undefined && session.busyCount < MAX_STREAMS) {
      return session.assign(user, method);
    }
    if (typeof target === "string") return { refusal: target, isOverflow: false };
    const overflow = this.#overflow();
    if (overflow !== undefined) return { refusal: overflow, isOverflow: true };
    this.#waiting.push({ user, method });
    this.#countPending(1);
    return "waiting";
  }

  #overflow(): string | undefined {
    const { admission, maxWaiting } = this.#options;
    if (this.#waiting.length >= maxWaiting) {
      return `${this.#waiting.length} requests already wait for a connection`;
    }
    if (admission === undefined) return undefined;
    const verdict = admitPending(admission.limits, admission.usage);
    return verdict === "admitted" ? undefined : describeOverflow(verdict);
  }

  #countPending(more: number): void {
    const { admission } = this.#options;
    if (admission !== undefined) admission.usage.pending += more;
  }

  #takeWaiting(): { user: UpstreamUser; method: string }[] {
    const all = this.#waiting.splice(0);
    this.#countPending(-all.length);
    return all;
  }

  #countConnections(more: number): void {
    const { admission } = this.#options;
    if (admission !== undefined) admission.usage.connections += more;
  }

  /** What was opened with an older key or trust finishes what it has, and takes nothing new. */
  #followGeneration(): void {
    const generation = this.#options.generation();
    if (generation === this.#generation) return;
    this.#generation = generation;
    for (const session of [...this.#sessions]) session.retire();
  }

  #leastBusy(): MuxClientSession | undefined {
    let best: MuxClientSession | undefined;
    for (const session of this.#sessions) {
      if (session.isUsable && (best === undefined || session.busyCount < best.busyCount)) {
        best = session;
      }
    }
    return best;
  }

  get #mayConnect(): boolean {
    if (this.#connecting.size > 0) return false;
    return this.#sessions.length < this.#options.maxMuxConnections;
  }

  #connect(target: ConnectTarget): void {
    const { connectTimeoutMs } = this.#options;
    this.#countConnections(1);
    this.#connecting.add(
      new Connecting(target, this.clock, connectTimeoutMs, this.#options.generation(), this),
    );
  }

  onConnected(connecting: Connecting): void {
    this.#connecting.delete(connecting);
    const { connection, generation } = connecting;
    if (connection.alpn !== MUX_ALPN) {
      connection.handler = QUIET;
      connection.destroy();
      this.#countConnections(-1);
      this.#fallBack();
      return;
    }
    const session = new MuxClientSession(connection, this, generation);
    connection.handler = session;
    this.#sessions.push(session);
    if (generation !== this.#options.generation() || this.#isClosed) session.retire();
    this.#serveWaiting();
  }

  onConnectFailed(connecting: Connecting, reason: string): void {
    this.#connecting.delete(connecting);
    this.#countConnections(-1);
    for (const { user } of this.#takeWaiting()) {
      user.onUpstreamFault({ kind: "connect", reason });
    }
    this.#reportIfEmpty();
  }

  /** The peer knows HTTP/1.1 alone. */
  #fallBack(): void {
    const options = this.#options;
    const http1 = new UpstreamPool({
      ...options,
      target: () => {
        const target = options.target();
        if (typeof target === "string" || target.tls === undefined) return target;
        const alpn = target.tls.alpn.filter((name) => name !== MUX_ALPN);
        return { ...target, tls: { ...target.tls, alpn } };
      },
      onEmpty: () => options.onEmpty(this),
    });
    this.#http1 = http1;
    for (const { user, method } of this.#takeWaiting()) {
      const got = http1.acquire(user, method);
      if (got === "waiting") continue;
      if ("refusal" in got) {
        const kind = got.isOverflow ? "overflow" : "connect";
        user.onUpstreamFault({ kind, reason: got.refusal });
      } else user.onUpstreamReady(got);
    }
    if (this.#isClosed) http1.close();
  }

  #serveWaiting(): void {
    while (this.#waiting.length > 0) {
      const session = this.#leastBusy();
      if (session === undefined || session.busyCount >= MAX_STREAMS) break;
      const next = this.#waiting.shift();
      this.#countPending(-1);
      if (next !== undefined) next.user.onUpstreamReady(session.assign(next.user, next.method));
    }
    if (this.#waiting.length === 0 || !this.#mayConnect) return;
    const target = this.#options.target();
    if (typeof target === "object") this.#connect(target);
    else if (this.#sessions.length === 0) {
      for (const { user } of this.#takeWaiting()) {
        user.onUpstreamFault({ kind: "connect", reason: target });
      }
    }
  }

  cancel(user: UpstreamUser): void {
    this.#http1?.cancel(user);
    const index = this.#waiting.findIndex((waiting) => waiting.user === user);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#countPending(-1);
  }

  onReleased(session: MuxClientSession): void {
    if (this.#isWornOut(session)) session.retire();
    if (this.#waiting.length > 0) this.#serveWaiting();
  }

  #isWornOut(session: MuxClientSession): boolean {
    const { maxConnectionAgeMs, maxRequestsPerConnection } = this.#options;
    if (maxRequestsPerConnection !== undefined) {
      if (session.servedCount >= maxRequestsPerConnection) return true;
    }
    if (maxConnectionAgeMs === undefined) return false;
    return this.clock.nowMs - session.openedAtMs >= maxConnectionAgeMs;
  }

  onDraining(session: MuxClientSession): void {
    this.#drop(session);
    if (!session.isClosed) this.#retired.add(session);
    if (this.#waiting.length > 0) this.#serveWaiting();
  }

  onFault(error: MuxError): void {
    this.#options.onFault(error);
  }

  onClosed(session: MuxClientSession): void {
    this.#countConnections(-1);
    this.#drop(session);
    this.#retired.delete(session);
    if (this.#waiting.length > 0) this.#serveWaiting();
    this.#reportIfEmpty();
  }

  #drop(session: MuxClientSession): void {
    const index = this.#sessions.indexOf(session);
    if (index >= 0) this.#sessions.splice(index, 1);
  }

  close(): void {
    this.#isClosed = true;
    this.#http1?.close();
    for (const session of [...this.#sessions]) session.retire();
    this.#reportIfEmpty();
  }

  #reportIfEmpty(): void {
    const isEmpty =
      this.#http1 === undefined &&
      this.#sessions.length + this.#retired.size + this.#connecting.size === 0 &&
      this.#waiting.length === 0;
    if (isEmpty) this.#options.onEmpty(this);
  }
}

/** A connection nobody wants any more. */
const QUIET: ByteStreamHandler = {
  onData: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
};

/** A connection until it is known what the peer speaks. */
class Connecting implements ByteStreamHandler, Watched {
  readonly connection: Connection;
  readonly generation: number;
  deadlineMs: number;
  watchIndex = -1;
  readonly #clock: DeadlineClock;
  readonly #pool: MuxPool;
  #isOver = false;
  #reason: string | undefined;

  constructor(
    target: ConnectTarget,
    clock: DeadlineClock,
    timeoutMs: number,
    generation: number,
    pool: MuxPool,
  ) {
    this.#clock = clock;
    this.#pool = pool;
    this.generation = generation;
    this.deadlineMs = clock.nowMs + timeoutMs;
    clock.watch(this);
    this.connection = Connection.connect(target, this, () => {
      if (this.#isOver || this.connection.isClosed) return;
      this.#finish();
      pool.onConnected(this);
    });
  }

  #finish(): void {
    this.#isOver = true;
    this.#clock.unwatch(this);
  }

  onData(): void {}

  onDrain(): void {}

  onEnd(): void {
    this.#reason ??= "closed by the peer";
    this.connection.destroy();
  }

  onDeadline(): void {
    this.#reason ??= "the connection was not ready in time";
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.connection.destroy();
  }

  onClose(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#finish();
    this.#pool.onConnectFailed(this, error?.message ?? this.#reason ?? "closed");
  }
}
