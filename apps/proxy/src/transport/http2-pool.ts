import type { Http1Limits } from "@heddle/http1";
import { admitConnection, describeOverflow } from "@heddle/mesh";
import type { ByteStreamHandler } from "./byte-stream.ts";
import { Connection, type ConnectTarget } from "./connection.ts";
import type { DeadlineClock, Watched } from "./deadline-clock.ts";
import { type Http2ClientOwner, Http2ClientSession } from "./http2-client.ts";
import { IdleTime } from "./idle-time.ts";
import type { PoolOptions } from "./upstream-pool.ts";
import type { Refusal, UpstreamSource, UpstreamStream, UpstreamUser } from "./upstream-stream.ts";

/** One more is opened when the server's bound on streams is reached, up to this many. */
const MAX_SESSIONS = 8;

/** Streams to one server that speaks HTTP/2 without being asked (prior knowledge) or by ALPN. */
export class Http2Pool implements UpstreamSource, Http2ClientOwner {
  readonly clock: DeadlineClock;
  readonly limits: Http1Limits;
  readonly idleTime: IdleTime;
  readonly maxRequests: number | undefined;
  readonly maxStreams: number;
  readonly #options: PoolOptions;
  readonly #sessions = new Set<Http2ClientSession>();
  readonly #waiting: { user: UpstreamUser; method: string }[] = [];
  #connecting: Connecting | undefined;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.limits = options.limits;
    this.idleTime = options.idleTime ?? new IdleTime(options.idleMs);
    this.maxRequests = options.maxRequestsPerConnection;
    this.maxStreams = options.maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
  }

  acquire(user: UpstreamUser, method: string): UpstreamStream | "waiting" | Refusal {
    const session = this.#findRoom();
    if (session !== undefined) return session.assign(user, method);
    if (this.#waiting.length >= this.#options.maxWaiting) {
      const refusal = `${this.#waiting.length} requests already wait for a connection`;
      return { refusal, isOverflow: true };
    }
    const refusal = this.#connect();
    if (refusal !== undefined && this.#sessions.size === 0) return refusal;
    this.#waiting.push({ user, method });
    return "waiting";
  }

  /** The session used first serves on, so that surplus ones fall idle and go. */
  #findRoom(): Http2ClientSession | undefined {
    const generation = this.#options.generation();
    const { maxConnectionAgeMs = Number.POSITIVE_INFINITY } = this.#options;
    for (const session of this.#sessions) {
      const isOld = this.clock.nowMs - session.openedAtMs > maxConnectionAgeMs;
      if (session.generation !== generation || isOld) session.retire();
      else if (session.hasRoom) return session;
    }
    return undefined;
  }

  /** Opens one more connection if that may be; a refusal says why it may not. */
  #connect(): Refusal | undefined {
    const { admission, connectTimeoutMs, maxConnections } = this.#options;
    if (this.#connecting !== undefined) return undefined;
    const usable = [...this.#sessions].filter(({ isRetired }) => !isRetired).length;
    if (usable >= Math.min(MAX_SESSIONS, maxConnections)) return undefined;
    if (admission !== undefined) {
      const admitted = admitConnection(admission.limits, admission.usage);
      if (admitted !== "admitted") {
        return { refusal: describeOverflow(admitted), isOverflow: true };
      }
    }
    const target = this.#options.target();
    if (typeof target === "string") return { refusal: target, isOverflow: false };
    if (admission !== undefined) admission.usage.connections++;
    this.#connecting = new Connecting(target, this.clock, connectTimeoutMs, {
      onReady: (connection) => this.#onConnected(connection, target),
      onFailed: (reason) => this.#onConnectFailed(reason),
    });
    return undefined;
  }

  #onConnected(connection: Connection, target: ConnectTarget): void {
    this.#connecting = undefined;
    const refusal = this.#options.refuse?.({ connection }) ?? checkAlpn(connection, target);
    if (refusal !== undefined) {
      connection.destroy();
      this.#onConnectFailed(refusal);
      return;
    }
    const { host, port } = target;
    const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    const generation = this.#options.generation();
    this.#sessions.add(new Http2ClientSession(connection, authority, this, generation));
    if (this.#isClosed) this.close();
    this.onRoom();
  }

  #onConnectFailed(reason: string): void {
    this.#connecting = undefined;
    this.#uncount();
    if (this.#sessions.size === 0) this.#failWaiting(reason);
    this.#reportIfEmpty();
  }

  #failWaiting(reason: string): void {
    for (const { user } of this.#waiting.splice(0)) {
      user.onUpstreamFault({ kind: "connect", reason });
    }
  }

  #uncount(): void {
    const { admission } = this.#options;
    if (admission !== undefined) admission.usage.connections--;
  }

  onRoom(): void {
    while (this.#waiting.length > 0) {
      const session = this.#findRoom();
      if (session === undefined) break;
      const next = this.#waiting.shift();
      if (next !== undefined) next.user.onUpstreamReady(session.assign(next.user, next.method));
    }
    if (this.#waiting.length === 0) return;
    const refusal = this.#connect();
    if (refusal !== undefined && this.#sessions.size === 0) this.#failWaiting(refusal.refusal);
  }

  onClosed(session: Http2ClientSession): void {
    this.#sessions.delete(session);
    this.#uncount();
    this.onRoom();
    this.#reportIfEmpty();
  }

  cancel(user: UpstreamUser): void {
    const index = this.#waiting.findIndex((waiting) => waiting.user === user);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  close(): void {
    this.#isClosed = true;
    for (const session of [...this.#sessions]) session.retire();
    this.#reportIfEmpty();
  }

  #reportIfEmpty(): void {
    const isEmpty =
      this.#sessions.size === 0 && this.#connecting === undefined && this.#waiting.length === 0;
    if (isEmpty) this.#options.onEmpty(this);
  }
}

/** Over TLS the server has to agree; in plaintext it is told by the rule that it speaks HTTP/2. */
function checkAlpn(connection: Connection, { tls }: ConnectTarget): string | undefined {
  if (tls === undefined || connection.alpn === "h2") return undefined;
  return `the server does not agree to HTTP/2 (${connection.alpn || "no protocol"})`;
}

type ConnectingUser = {
  onReady(connection: Connection): void;
  onFailed(reason: string): void;
};

/** A connection until it can be used. */
class Connecting implements ByteStreamHandler, Watched {
  deadlineMs: number;
  watchIndex = -1;
  readonly #clock: DeadlineClock;
  readonly #user: ConnectingUser;
  readonly #connection: Connection;
  #isOver = false;
  #reason: string | undefined;

  constructor(
    target: ConnectTarget,
    clock: DeadlineClock,
    timeoutMs: number,
    user: ConnectingUser,
  ) {
    this.#clock = clock;
    this.#user = user;
    this.deadlineMs = performance.now() + timeoutMs;
    clock.watch(this);
    this.#connection = Connection.connect(target, this, () => {
      if (this.#isOver) return;
      this.#finish();
      user.onReady(this.#connection);
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
    this.#connection.destroy();
  }

  onDeadline(): void {
    this.#reason ??= "the connection was not ready in time";
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#connection.destroy();
  }

  onClose(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#finish();
    this.#user.onFailed(error?.message ?? this.#reason ?? "closed");
  }
}
