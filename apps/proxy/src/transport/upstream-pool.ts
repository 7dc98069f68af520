import type { Http1Limits } from "@heddle/http1";
import type { ConnectTarget } from "./connection.ts";
import type { DeadlineClock } from "./deadline-clock.ts";
import { UpstreamConnection, type UpstreamOwner } from "./upstream-connection.ts";
import type { Refusal, UpstreamSource, UpstreamUser } from "./upstream-stream.ts";

export type PoolOptions = {
  readonly clock: DeadlineClock;
  readonly maxConnections: number;
  /** Requests that may wait for a connection; more are refused at once (503, flag UO). */
  readonly maxWaiting: number;
  readonly limits: Http1Limits;
  /** An idle connection older than this is closed: below the peer's own keep-alive. */
  readonly idleMs: number;
  readonly connectTimeoutMs: number;
  /** Grows when the key or the trust changes: connections of an older one are not used again. */
  generation(): number;
  /** Where to connect; a text says why that cannot be done now. */
  target(): ConnectTarget | string;
  /** Why a connection that was made may not be used, e.g. that it leads back to us. */
  refuse?(upstream: UpstreamConnection): string | undefined;
  onEmpty(pool: UpstreamSource): void;
};

/** Connections to one address: the one used last serves next, so that surplus ones fall idle and go. */
export class UpstreamPool implements UpstreamSource, UpstreamOwner {
  readonly clock: DeadlineClock;
  readonly idleMs: number;
  readonly connectTimeoutMs: number;
  readonly limits: Http1Limits;
  readonly #options: PoolOptions;
  readonly #idle: UpstreamConnection[] = [];
  readonly #all = new Set<UpstreamConnection>();
  readonly #waiting: { user: UpstreamUser; method: string }[] = [];
  #connectingCount = 0;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.idleMs = options.idleMs;
    this.connectTimeoutMs = options.connectTimeoutMs;
    this.limits = options.limits;
  }

  acquire(user: UpstreamUser, method: string): UpstreamConnection | "waiting" | Refusal {
    for (let upstream = this.#idle.pop(); upstream !== undefined; upstream = this.#idle.pop()) {
      if (upstream.isUsable && upstream.generation === this.#options.generation()) {
        upstream.assign(user, method);
        return upstream;
      }
      upstream.close();
    }
    if (this.#waiting.length >= this.#options.maxWaiting) {
      const refusal = `${this.#waiting.length} requests already wait for a connection`;
      return { refusal, isOverflow: true };
    }
    const target = this.#options.target();
    if (typeof target === "string") return { refusal: target, isOverflow: false };
    this.#waiting.push({ user, method });
    this.#connectForWaiting(target);
    return "waiting";
  }

  cancel(user: UpstreamUser): void {
    const index = this.#waiting.findIndex((waiting) => waiting.user === user);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  close(): void {
    this.#isClosed = true;
    for (const upstream of this.#idle.splice(0)) upstream.close();
    this.#reportIfEmpty();
  }

  #connectForWaiting(known?: ConnectTarget): void {
    const { maxConnections } = this.#options;
    while (this.#connectingCount < this.#waiting.length && this.#all.size < maxConnections) {
      const target = known ?? this.#options.target();
      if (typeof target === "string") {
        this.#waiting.shift()?.user.onUpstreamFault({ kind: "connect", reason: target });
        continue;
      }
      this.#connectingCount++;
      this.#all.add(new UpstreamConnection(this, target, this.#options.generation()));
    }
  }

  onConnected(upstream: UpstreamConnection): void {
    this.#connectingCount--;
    const refusal = this.#options.refuse?.(upstream);
    if (refusal !== undefined) {
      this.#all.delete(upstream);
      upstream.close();
      this.#waiting.shift()?.user.onUpstreamFault({ kind: "connect", reason: refusal });
      return;
    }
    this.#offer(upstream);
  }

  onConnectFailed(upstream: UpstreamConnection, reason: string): void {
    this.#connectingCount--;
    this.#all.delete(upstream);
    this.#waiting.shift()?.user.onUpstreamFault({ kind: "connect", reason });
    this.#connectForWaiting();
    this.#reportIfEmpty();
  }

  onReleased(upstream: UpstreamConnection): void {
    if (this.#isClosed || upstream.generation !== this.#options.generation()) upstream.close();
    else this.#offer(upstream);
  }

  #offer(upstream: UpstreamConnection): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      if (this.#isClosed) upstream.close();
      else this.#idle.push(upstream);
      return;
    }
    upstream.assign(next.user, next.method);
    next.user.onUpstreamReady(upstream);
  }

  onClosed(upstream: UpstreamConnection): void {
    this.#all.delete(upstream);
    const index = this.#idle.indexOf(upstream);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#connectForWaiting();
    this.#reportIfEmpty();
  }

  #reportIfEmpty(): void {
    if (this.#all.size === 0 && this.#waiting.length === 0) this.#options.onEmpty(this);
  }
}
