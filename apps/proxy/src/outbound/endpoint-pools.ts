import type { Http1Limits } from "@heddle/http1";
import type { DestinationView, LiveEndpoint } from "../core/mesh-view.ts";
import { MESH_ALPN, MUX_ALPN } from "../core/workload-identity.ts";
import { processClock } from "../transport/deadline-clock.ts";
import { Http2Pool } from "../transport/http2-pool.ts";
import { IdleTime } from "../transport/idle-time.ts";
import { MuxPool } from "../transport/mux/mux-pool.ts";
import { type PoolOptions, UpstreamPool } from "../transport/upstream-pool.ts";
import type { UpstreamSource } from "../transport/upstream-stream.ts";
import { ConnectTargets, isBySidecar } from "./connect-targets.ts";
import { isLoop } from "./loop-guard.ts";
import type { OutboundParts } from "./outbound-parts.ts";

const MAX_CONNECTIONS = 1_024;
const MAX_WAITING = 1_024;
/** Below the 60 s many servers and balancers keep idle connections; the inbound side keeps them longer. */
const SIDECAR_IDLE_MS = 55_000;
/** Node's http server closes a connection that was idle for 5 s. */
const APP_IDLE_MS = 4_000;
/** Istio's default where a rule says nothing would be 10 s: longer than callers wait. */
const CONNECT_TIMEOUT_MS = 5_000;
const MUX_OR_HTTP1 = [MUX_ALPN, MESH_ALPN] as const;
const HTTP1_ONLY = [MESH_ALPN] as const;
const HTTP2_ONLY = ["h2"] as const;
const NO_CALL = { isGrpc: false } as const;
/** More bring nothing: both ends have one thread, and credit keeps the streams of one apart. */
const DEFAULT_MUX_CONNECTIONS = 2;
/** Peers whose patience is remembered after their last connection has gone. */
const MAX_IDLE_TIMES = 4_096;

/** One listener's connections to upstreams, by endpoint and by how its rule says to connect. */
export class EndpointPools {
  readonly targets: ConnectTargets;
  readonly #parts: OutboundParts;
  readonly #limits: Http1Limits;
  readonly #source: string;
  readonly #pools = new Map<string, UpstreamSource>();
  readonly #idleTimes = new Map<string, IdleTime>();

  constructor(parts: OutboundParts, limits: Http1Limits, source: string) {
    this.#parts = parts;
    this.targets = new ConnectTargets(parts);
    this.#limits = limits;
    this.#source = source;
  }

  /**
   * Connections to an endpoint of the mesh: as its rule says, else mTLS where it has an identity. One
   * without sidecar is spoken to in the HTTP its port is declared to speak; `call` is asked only where
   * none is declared, since gRPC knows one alone.
   */
  ofEndpoint(
    live: LiveEndpoint,
    destination: DestinationView,
    call: { readonly isGrpc: boolean },
    isClientHttp2: boolean,
  ): UpstreamSource {
    const isMesh = isBySidecar(live, destination);
    const isHttp2 = !isMesh && speaksHttp2(destination, call, isClientHttp2);
    const key = isHttp2 ? `h2 ${live.poolKey}` : live.poolKey;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    if (isMesh) return this.#add(key, this.#sidecarPool(live, destination));
    const options = this.#foreignOptions(key, live, destination, isHttp2 ? HTTP2_ONLY : undefined);
    return this.#add(key, isHttp2 ? new Http2Pool(options) : new UpstreamPool(options));
  }

  /**
   * The multiplexed connections to an endpoint's sidecar, for an opaque stream; `undefined`: it has none,
   * or none to spare, or a rule counts connections.
   */
  muxOf(live: LiveEndpoint, destination: DestinationView): MuxPool | undefined {
    if (!isBySidecar(live, destination)) return undefined;
    const pool = this.ofEndpoint(live, destination, NO_CALL, false);
    return pool instanceof MuxPool && pool.takesTunnels ? pool : undefined;
  }

  /** Connections to a host outside the mesh, found by DNS. */
  ofHost(host: string, port: number, isGrpc: boolean): UpstreamSource {
    const key = `${isGrpc ? "h2 " : ""}host ${host}:${port}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const options: PoolOptions = {
      ...this.#options(key, APP_IDLE_MS),
      target: () => ({ host, port }),
      refuse: this.#refuseLoop(`${host}:${port}`),
    };
    return this.#add(key, isGrpc ? new Http2Pool(options) : new UpstreamPool(options));
  }

  close(): void {
    for (const pool of [...this.#pools.values()]) pool.close();
  }

  #foreignOptions(
    key: string,
    live: LiveEndpoint,
    destination: DestinationView,
    alpn: readonly string[] | undefined,
  ): PoolOptions {
    const { address } = live.endpoint;
    const options = {
      ...this.#options(key, APP_IDLE_MS, destination),
      refuse: this.#refuseLoop(`${address}:${live.port}`),
      target: () => this.targets.ofForeign(live, destination, alpn),
    };
    const context = this.targets.contextOf(destination);
    if (context === undefined) return options;
    const generation = () => {
      context.refresh(processClock.nowMs);
      return context.generation;
    };
    return { ...options, generation };
  }

  #sidecarPool(live: LiveEndpoint, destination: DestinationView): UpstreamSource {
    const { logger, muxConnections = DEFAULT_MUX_CONNECTIONS } = this.#parts;
    const { poolKey } = live;
    const { identity } = live.endpoint;
    const usesMux = muxConnections > 0 && !countsConnections(destination);
    const alpn = usesMux ? MUX_OR_HTTP1 : HTTP1_ONLY;
    const options = {
      ...this.#options(poolKey, SIDECAR_IDLE_MS, destination),
      target: () => this.targets.ofSidecar(live, destination, alpn),
    };
    if (!usesMux) return new UpstreamPool(options);
    return new MuxPool({
      ...options,
      maxMuxConnections: muxConnections,
      onFault: (error) => {
        const fields = { workload: this.#source, peer: identity, code: error.code };
        logger.warn(fields, `a multiplexed connection was closed: ${error.message}`);
      },
    });
  }

  #options(key: string, standardIdleMs: number, destination?: DestinationView) {
    const { workload } = this.#parts;
    const pool = destination?.policy.connectionPool;
    const idleMs = pool?.httpIdleTimeoutMs || standardIdleMs;
    const limits = destination?.limits;
    return {
      clock: processClock,
      maxConnections: MAX_CONNECTIONS,
      maxWaiting: MAX_WAITING,
      limits: this.#limits,
      idleMs,
      idleTime: this.#idleTimeOf(key, idleMs),
      connectTimeoutMs: pool?.connectTimeoutMs || CONNECT_TIMEOUT_MS,
      admission: limits && destination && { limits, usage: destination.usage },
      maxRequestsPerConnection: pool?.maxRequestsPerConnection || undefined,
      maxConcurrentStreams: pool?.maxConcurrentStreams || undefined,
      maxConnectionAgeMs: pool?.maxConnectionDurationMs || undefined,
      generation: () => workload.identity.generation,
      onEmpty: (empty: UpstreamSource) => {
        if (this.#pools.get(key) === empty) this.#pools.delete(key);
      },
    };
  }

  #idleTimeOf(key: string, standardMs: number): IdleTime {
    const known = this.#idleTimes.get(key);
    if (known !== undefined) return known;
    if (this.#idleTimes.size >= MAX_IDLE_TIMES) this.#idleTimes.clear();
    const made = new IdleTime(standardMs);
    this.#idleTimes.set(key, made);
    return made;
  }

  #refuseLoop(name: string): NonNullable<PoolOptions["refuse"]> {
    return ({ connection }) =>
      isLoop(connection, this.#parts.ownPorts)
        ? `${name} is this proxy itself; name a service`
        : undefined;
  }

  #add(key: string, pool: UpstreamSource): UpstreamSource {
    this.#pools.set(key, pool);
    return pool;
  }
}

/** As the rule or the port says; `useClientProtocol` says: as the client. Else gRPC knows HTTP/2 alone. */
function speaksHttp2(
  { httpVersion, policy }: DestinationView,
  call: { readonly isGrpc: boolean },
  isClientHttp2: boolean,
): boolean {
  if (policy.connectionPool?.usesClientProtocol === true) return isClientHttp2;
  return httpVersion === 2 || (httpVersion === undefined && call.isGrpc);
}

/** Limits on connections mean HTTP/1.1's, one request at a time on each, as they do in Istio. */
function countsConnections({ policy }: DestinationView): boolean {
  const { maxConnections, maxPendingRequests, maxRequestsPerConnection } =
    policy.connectionPool ?? {};
  return [maxConnections, maxPendingRequests, maxRequestsPerConnection].some(
    (limit) => limit !== undefined,
  );
}
