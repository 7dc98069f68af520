import type { Http1Limits } from "@heddle/http1";
import {
  type ConnectionPool,
  compilePoolLimits,
  emptyUsage,
  type PoolLimits,
  type PoolUsage,
} from "@heddle/mesh";
import type { AppPort, HostedWorkload } from "../core/hosted-workload.ts";
import { processClock } from "../transport/deadline-clock.ts";
import { Http2Pool } from "../transport/http2-pool.ts";
import type { TcpFlowBounds } from "../transport/tcp-flow.ts";
import { type PoolOptions, UpstreamPool } from "../transport/upstream-pool.ts";
import type { UpstreamSource } from "../transport/upstream-stream.ts";

const MAX_CONNECTIONS = 1_024;
const MAX_WAITING = 1_024;
/** Node's http server closes a connection that was idle for 5 s. */
const APP_IDLE_MS = 3_500;
export const APP_CONNECT_TIMEOUT_MS = 5_000;
const NO_BOUNDS: TcpFlowBounds = {};

/** A rule's limits on what is under way to the app, and what all of its pools use of them. */
export type AppAdmission = { readonly limits: PoolLimits; readonly usage: PoolUsage };

/**
 * The connections to a workload's app, under what a Sidecar document says of them. When that changes, new
 * requests get new pools; what waits or runs in the old ones stays there and still counts.
 */
export class AppPools {
  readonly #workload: HostedWorkload;
  readonly #app: AppPort | undefined;
  readonly #limits: Http1Limits;
  readonly #usage = emptyUsage();
  #resource: HostedWorkload["resource"];
  #rule: ConnectionPool | undefined;
  #ruleText = "";
  #admission: AppAdmission | undefined;
  #http1: UpstreamSource | undefined;
  #http2: UpstreamSource | undefined;

  /** `app` absent: the workload has none to pass anything to. */
  constructor(workload: HostedWorkload, app: AppPort | undefined, limits: Http1Limits) {
    this.#workload = workload;
    this.#app = app;
    this.#limits = limits;
    this.#makePools();
  }

  /** For a request: gRPC needs HTTP/2, where the port is not declared one or the other. */
  of(isGrpc: boolean): UpstreamSource | undefined {
    this.#renew();
    return isGrpc ? (this.#http2 ?? this.#http1) : (this.#http1 ?? this.#http2);
  }

  isHttp2(pool: UpstreamSource): boolean {
    return pool === this.#http2;
  }

  /** `undefined`: no rule limits anything. */
  get admission(): AppAdmission | undefined {
    this.#renew();
    return this.#admission;
  }

  /** Of opaque connections; read after `admission`. */
  get tcpBounds(): TcpFlowBounds {
    return this.#rule ?? NO_BOUNDS;
  }

  /** Another object whenever something has changed: a field check where nothing has. */
  #renew(): void {
    const { resource } = this.#workload;
    if (resource === this.#resource) return;
    this.#resource = resource;
    const rule = resource?.connectionPool;
    const text = rule === undefined ? "" : JSON.stringify(rule);
    if (text === this.#ruleText) return;
    this.#rule = rule;
    this.#ruleText = text;
    this.#admission = rule && { limits: compilePoolLimits(rule), usage: this.#usage };
    this.close();
    this.#makePools();
  }

  #makePools(): void {
    const { protocol } = this.#app ?? {};
    const isHttp2Only = protocol === "http2" || protocol === "grpc";
    this.#http1 = isHttp2Only ? undefined : this.#makePool(UpstreamPool);
    this.#http2 = protocol === "http" ? undefined : this.#makePool(Http2Pool);
  }

  #makePool(Pool: new (options: PoolOptions) => UpstreamSource): UpstreamSource | undefined {
    const app = this.#app;
    if (app === undefined) return undefined;
    const rule = this.#rule;
    return new Pool({
      clock: processClock,
      maxConnections: MAX_CONNECTIONS,
      maxWaiting: MAX_WAITING,
      limits: this.#limits,
      idleMs: rule?.httpIdleTimeoutMs || APP_IDLE_MS,
      connectTimeoutMs: APP_CONNECT_TIMEOUT_MS,
      admission: this.#admission,
      maxRequestsPerConnection: rule?.maxRequestsPerConnection || undefined,
      maxConnectionAgeMs: rule?.maxConnectionDurationMs || undefined,
      generation: () => 0,
      target: () => ({ host: "127.0.0.1", port: app.port }),
      onEmpty: () => {},
    });
  }

  /** Closes what is idle, now and whenever an exchange ends. */
  close(): void {
    this.#http1?.close();
    this.#http2?.close();
  }
}
