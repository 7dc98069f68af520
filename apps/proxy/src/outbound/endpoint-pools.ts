import type { Http1Limits } from "@heddle/http1";
import type { DestinationView, LiveEndpoint } from "../core/mesh-view.ts";
import { MESH_ALPN, MUX_ALPN } from "../core/workload-identity.ts";
import type { ConnectTarget } from "../transport/connection.ts";
import { processClock } from "../transport/deadline-clock.ts";
import { Http2Pool } from "../transport/http2-pool.ts";
import { IdleTime } from "../transport/idle-time.ts";
import { MuxPool } from "../transport/mux/mux-pool.ts";
import { type PoolOptions, UpstreamPool } from "../transport/upstream-pool.ts";
import type { UpstreamSource } from "../transport/upstream-stream.ts";
import { checkIdentity } from "./check-identity.ts";
import { ClientTlsContext } from "./client-tls.ts";
import { isLoop } from "./loop-guard.ts";
import type { OutboundParts } from "./outbound-side.ts";

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
/** More bring nothing: both ends have one thread, and credit keeps the streams of one apart. */
const DEFAULT_MUX_CONNECTIONS = 2;
/** Peers whose patience is remembered after their last connection has gone. */
const MAX_IDLE_TIMES = 4_096;

/** One listener's connections to upstreams, by endpoint and by how its rule says to connect. */
export class EndpointPools {
  readonly #parts: OutboundParts;
  readonly #limits: Http1Limits;
  readonly #source: string;
  readonly #pools = new Map<string, UpstreamSource>();
  readonly #idleTimes = new Map<string, IdleTime>();
  readonly #contexts = new Map<string, ClientTlsContext>();

  constructor(parts: OutboundParts, limits: Http1Limits, source: string) {
    this.#parts = parts;
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
  ): UpstreamSource {
    const isMesh = isBySidecar(live, destination);
    const { httpVersion } = destination;
    const isHttp2 = !isMesh && (httpVersion === 2 || (httpVersion === undefined && call.isGrpc));
    const key = isHttp2 ? `h2 ${live.poolKey}` : live.poolKey;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    if (isMesh) return this.#add(key, this.#sidecarPool(live, destination));
    const options = this.#foreignOptions(key, live, destination, isHttp2 ? HTTP2_ONLY : undefined);
    return this.#add(key, isHttp2 ? new Http2Pool(options) : new UpstreamPool(options));
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
    const { port, endpoint } = live;
    const host = endpoint.address;
    const options = {
      ...this.#options(key, APP_IDLE_MS, destination),
      refuse: this.#refuseLoop(`${host}:${port}`),
    };
    const keepAliveMs = destination.policy.connectionPool?.tcpKeepaliveMs;
    const { tls } = destination.policy;
    if (tls === undefined || tls.mode === "DISABLE") {
      return { ...options, target: () => ({ host, port, keepAliveMs }) };
    }
    const context = this.#contextOf(tls);
    const name = serverNameOf(destination, host);
    return {
      ...options,
      generation: () => {
        context.refresh(processClock.nowMs);
        return context.generation;
      },
      target: () => {
        const how = context.target(name, processClock.nowMs);
        return typeof how === "string"
          ? how
          : { host, port, tls: alpn ? { ...how, alpn } : how, keepAliveMs };
      },
    };
  }

  #sidecarPool(live: LiveEndpoint, destination: DestinationView): UpstreamSource {
    const { logger, muxConnections = DEFAULT_MUX_CONNECTIONS, workload } = this.#parts;
    const { poolKey, port, endpoint } = live;
    const { address: host, identity } = endpoint;
    const { connectionPool, tls } = destination.policy;
    const usesMux = muxConnections > 0 && !countsConnections(destination);
    const alpn = usesMux ? MUX_OR_HTTP1 : HTTP1_ONLY;
    const names = tls?.subjectAltNames ?? [];
    const expected = names.length > 0 ? names : identity === undefined ? [] : [identity];
    const options = {
      ...this.#options(poolKey, SIDECAR_IDLE_MS, destination),
      target: (): ConnectTarget | string => {
        const context = workload.identity.clientContext;
        if (context === undefined) return "this workload has no certificate yet";
        const check = (shown: string) => checkAny(shown, expected);
        const how = { context, alpn, check, servername: tls?.sni };
        return { host, port, tls: how, keepAliveMs: connectionPool?.tcpKeepaliveMs };
      },
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

  #contextOf(tls: NonNullable<DestinationView["policy"]["tls"]>): ClientTlsContext {
    const key = JSON.stringify(tls);
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    const made = new ClientTlsContext(tls);
    this.#contexts.set(key, made);
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

function isBySidecar({ endpoint }: LiveEndpoint, { policy }: DestinationView): boolean {
  const mode = policy.tls?.mode;
  return mode === undefined ? endpoint.identity !== undefined : mode === "ISTIO_MUTUAL";
}

/** Limits on connections mean HTTP/1.1's, one request at a time on each, as they do in Istio. */
function countsConnections({ policy }: DestinationView): boolean {
  const { maxConnections, maxPendingRequests, maxRequestsPerConnection } =
    policy.connectionPool ?? {};
  return [maxConnections, maxPendingRequests, maxRequestsPerConnection].some(
    (limit) => limit !== undefined,
  );
}

/** Istio's auto-SNI: the host the service is known by; where that is a wildcard, the one asked for. */
function serverNameOf({ fqdn, isOriginal }: DestinationView, address: string): string {
  return isOriginal || fqdn.includes("*") ? address : fqdn;
}

/** No name expected: whoever the mesh's root has signed. */
function checkAny(shown: string, expected: readonly string[]): Error | undefined {
  if (expected.length === 0) return undefined;
  const errors = expected.map((one) => checkIdentity(shown, one.replace(/^URI:/, "")));
  return errors.some((error) => error === undefined) ? undefined : errors[0];
}
