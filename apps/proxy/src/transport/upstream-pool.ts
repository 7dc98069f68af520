import type { Http1Limits } from "@heddle/http1";
import {
  admitConnection,
  admitPending,
  describeOverflow,
  type PoolLimits,
  type PoolUsage,
} from "@heddle/mesh";
import type { ConnectTarget } from "./connection.ts";
import type { DeadlineClock } from "./deadline-clock.ts";
import { IdleTime } from "./idle-time.ts";
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
  /** What was learned of the peer's patience before; else the pool learns for itself. */
  readonly idleTime?: IdleTime | undefined;
  readonly connectTimeoutMs: number;
  /** A rule's limits, and what all pools of its destination use of them. */
  readonly admission?: { readonly limits: PoolLimits; readonly usage: PoolUsage } | undefined;
  /** Exchanges after which a connection is closed; `undefined`: any number. */
  readonly maxRequestsPerConnection?: number | undefined;
  /** Requests at once on one HTTP/2 connection; `undefined`: as many as the server takes. */
  readonly maxConcurrentStreams?: number | undefined;
  readonly maxConnectionAgeMs?: number | undefined;
  /** Grows when the key or the trust changes: connections of an older one are not used again. */
  generation(): number;
  /** Where to connect; a text says why that cannot be done now. */
  target(): ConnectTarget | string;
  /** Why a connection that was made may not be used, e.g. that it leads back to us. */
  refuse?(upstream: Pick<UpstreamConnection, "connection">): string | undefined;
  onEmpty(pool: UpstreamSource): void;
};

/** Connections to one address: the one used last serves next, so that surplus ones fall idle and go. */
export class UpstreamPool implements UpstreamSource, UpstreamOwner {
  readonly clock: DeadlineClock;
  readonly idleTime: IdleTime;
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
    this.idleTime = options.idleTime ?? new IdleTime(options.idleMs);
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
    const overflow = this.#overflow();
    if (overflow !== undefined) return { refusal: overflow, isOverflow: true };
    const target = this.#options.target();
    if (typeof target === "string") return { refusal: target, isOverflow: false };
    this.#waiting.push({ user, method });
    const { admission } = this.#options;
    if (admission !== undefined) admission.usage.pending++;
    this.#connectForWaiting(target);
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

  /** As Envoy: an address without any connection may always have one. */
  #mayConnect(): boolean {
    const { admission, maxConnections } = this.#options;
    if (this.#all.size === 0) return true;
    if (this.#all.size >= maxConnections) return false;
    if (admission === undefined) return true;
    return admitConnection(admission.limits, admission.usage) === "admitted";
  }

  #nextWaiting(): { user: UpstreamUser; method: string } | undefined {
    const next = this.#waiting.shift();
    const { admission } = this.#options;
    if (next !== undefined && admission !== undefined) admission.usage.pending--;
    return next;
  }

  #add(upstream: UpstreamConnection): void {
    this.#all.add(upstream);
    const { admission } = this.#options;
    if (admission !== undefined) admission.usage.connections++;
  }

  #remove(upstream: UpstreamConnection): void {
    const { admission } = this.#options;
    if (this.#all.delete(upstream) && admission !== undefined) admission.usage.connections--;
  }

  cancel(user: UpstreamUser): void {
    const index = this.#waiting.findIndex((waiting) => waiting.user === user);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    const { admission } = this.#options;
    if (admission !== undefined) admission.usage.pending--;
  }

  close(): void {
    this.#isClosed = true;
    for (const upstream of this.#idle.splice(0)) upstream.close();
    this.#reportIfEmpty();
  }

  #connectForWaiting(known?: ConnectTarget): void {
    while (this.#connectingCount < this.#waiting.length && this.#mayConnect()) {
      const target = known ?? this.#options.target();
      if (typeof target === "string") {
        this.#nextWaiting()?.user.onUpstreamFault({ kind: "connect", reason: target });
        continue;
      }
      this.#connectingCount++;
      this.#add(new UpstreamConnection(this, target, this.#options.generation()));
    }
  }

  onConnected(upstream: UpstreamConnection): void {
    this.#connectingCount--;
    const refusal = this.#options.refuse?.(upstream);
    if (refusal !== undefined) {
      this.#remove(upstream);
      upstream.close();
      this.#nextWaiting()?.user.onUpstreamFault({ kind: "connect", reason: refusal });
      return;
    }
    this.#offer(upstream);
  }

  onConnectFailed(upstream: UpstreamConnection, reason: string): void {
    this.#connectingCount--;
    this.#remove(upstream);
    this.#nextWaiting()?.user.onUpstreamFault({ kind: "connect", reason });
    this.#connectForWaiting();
    this.#reportIfEmpty();
  }

  onReleased(upstream: UpstreamConnection): void {
    if (this.#isClosed || this.#isWornOut(upstream)) upstream.close();
    else this.#offer(upstream);
  }

  #isWornOut(upstream: UpstreamConnection): boolean {
    const { maxConnectionAgeMs, maxRequestsPerConnection } = this.#options;
    if (upstream.generation !== this.#options.generation()) return true;
    if (maxRequestsPerConnection !== undefined) {
      if (upstream.servedCount >= maxRequestsPerConnection) return true;
    }
    if (maxConnectionAgeMs === undefined) return false;
    return this.clock.nowMs - upstream.openedAtMs >= maxConnectionAgeMs;
  }

  #offer(upstream: UpstreamConnection): void {
    const next = this.#nextWaiting();
    if (next === undefined) {
      if (this.#isClosed) upstream.close();
      else this.#idle.push(upstream);
      return;
    }
    upstream.assign(next.user, next.method);
    next.user.onUpstreamReady(upstream);
  }

  onClosed(upstream: UpstreamConnection): void {
    this.#remove(upstream);
    const index = this.#idle.indexOf(upstream);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#connectForWaiting();
    this.#reportIfEmpty();
  }

  /**
   * What is still here was used before the one that was found closed: another attempt gets a new connection
   * instead of the next dead one. (A process that gets no processor for seconds sees all their ends at once, late.)
   */
  onStale(): void {
    for (const upstream of this.#idle.splice(0)) upstream.close();
  }

  #reportIfEmpty(): void {
    if (this.#all.size === 0 && this.#waiting.length === 0) this.#options.onEmpty(this);
  }
}
