import { DEFAULT_LIMITS, type Http1Limits } from "@heddle/http1";
import { serviceFqdn } from "@heddle/mesh";
import type { StartOutbound } from "../core/listener.ts";
import type { DestinationWorkload, LiveEndpoint } from "../core/mesh-view.ts";
import { UNKNOWN_PEER } from "../core/traffic-recorder.ts";
import { MESH_ALPN, MUX_ALPN } from "../core/workload-identity.ts";
import type { ConnectTarget } from "../transport/connection.ts";
import { processClock } from "../transport/deadline-clock.ts";
import { DEFAULT_TIMEOUTS, type ExchangeTimeouts } from "../transport/http-exchange.ts";
import { MuxPool } from "../transport/mux/mux-pool.ts";
import { SeriesTable } from "../transport/series-table.ts";
import { type PoolOptions, UpstreamPool } from "../transport/upstream-pool.ts";
import type { UpstreamSource } from "../transport/upstream-stream.ts";
import { peerOf } from "../transport/workload-peer.ts";
import { checkIdentity } from "./check-identity.ts";
import { isLoop } from "./loop-guard.ts";
import { OutboundTcpSide } from "./tcp-side.ts";

/** What an outbound side is made of. */
export type OutboundParts = Omit<Parameters<StartOutbound>[0], "port" | "host"> & {
  readonly timeouts?: ExchangeTimeouts;
};

const MAX_CONNECTIONS = 1_024;
const MAX_WAITING = 1_024;
/** Below the 60 s many servers and balancers keep idle connections; the inbound side keeps them longer. */
const SIDECAR_IDLE_MS = 55_000;
/** Node's http server closes a connection that was idle for 5 s. */
const APP_IDLE_MS = 4_000;
const MUX_OR_HTTP1 = [MUX_ALPN, MESH_ALPN] as const;
const HTTP1_ONLY = [MESH_ALPN] as const;
const CONNECT_TIMEOUT_MS = 5_000;
/** More bring nothing: both ends have one thread, and credit keeps the streams of one apart. */
const DEFAULT_MUX_CONNECTIONS = 2;
/** Services and hosts that metrics tell apart where no endpoint was found. */
const MAX_NAMED_HOSTS = 1_000;

/** One workload's view outwards: its pools and its series, shared by all its connections. */
export class OutboundSide {
  readonly parts: OutboundParts;
  readonly timeouts: ExchangeTimeouts;
  readonly limits: Http1Limits;
  readonly origin: string;
  readonly source: string;
  readonly decideSampling: () => boolean;
  /** For connections that are no HTTP. */
  readonly tcp: OutboundTcpSide;
  readonly #pools = new Map<string, UpstreamSource>();
  #seriesByWorkload = new WeakMap<DestinationWorkload, SeriesTable>();
  readonly #seriesByHost = new Map<string, SeriesTable>();
  #generation = -1;

  constructor(parts: OutboundParts) {
    this.parts = parts;
    this.timeouts = parts.timeouts ?? DEFAULT_TIMEOUTS;
    this.limits = parts.limits ?? DEFAULT_LIMITS;
    this.source = `${parts.workload.id.namespace}/${parts.workload.id.name}`;
    this.origin = `outbound-proxy; workload=${this.source}`;
    this.decideSampling = () => parts.recorder.isSampled();
    this.tcp = new OutboundTcpSide(parts);
  }

  /** Connections to an endpoint of the mesh: mTLS where it has an identity, else plaintext. */
  poolOfEndpoint(live: LiveEndpoint): UpstreamSource {
    const { poolKey } = live;
    const known = this.#pools.get(poolKey);
    if (known !== undefined) return known;
    const { address, port, identity } = live.endpoint;
    if (identity === undefined) {
      const options = { idleMs: APP_IDLE_MS, target: () => ({ host: address, port }) };
      return this.#add(poolKey, new UpstreamPool({ ...this.#poolOptions(poolKey), ...options }));
    }
    return this.#add(poolKey, this.#sidecarPool(poolKey, address, port, identity));
  }

  #sidecarPool(key: string, host: string, port: number, identity: string): UpstreamSource {
    const { logger, muxConnections = DEFAULT_MUX_CONNECTIONS, workload } = this.parts;
    const alpn = muxConnections > 0 ? MUX_OR_HTTP1 : HTTP1_ONLY;
    const check = (names: string) => checkIdentity(names, identity);
    const options = {
      ...this.#poolOptions(key),
      idleMs: SIDECAR_IDLE_MS,
      target: (): ConnectTarget | string => {
        const context = workload.identity.clientContext;
        if (context === undefined) return "this workload has no certificate yet";
        return { host, port, tls: { context, alpn, check } };
      },
    };
    if (muxConnections === 0) return new UpstreamPool(options);
    return new MuxPool({
      ...options,
      maxMuxConnections: muxConnections,
      onFault: (error) => {
        const fields = { workload: this.source, peer: identity, code: error.code };
        logger.warn(fields, `a multiplexed connection was closed: ${error.message}`);
      },
    });
  }

  /** Connections to a host outside the mesh, found by DNS. */
  poolOfHost(host: string, port: number): UpstreamSource {
    const key = `host ${host}:${port}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const options: PoolOptions = {
      ...this.#poolOptions(key),
      target: () => ({ host, port }),
      refuse: ({ connection }) =>
        isLoop(connection, this.parts.ownPorts)
          ? `${host}:${port} is this proxy itself; name a service`
          : undefined,
    };
    return this.#add(key, new UpstreamPool(options));
  }

  #poolOptions(key: string) {
    const { workload } = this.parts;
    return {
      clock: processClock,
      maxConnections: MAX_CONNECTIONS,
      maxWaiting: MAX_WAITING,
      limits: this.limits,
      idleMs: APP_IDLE_MS,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      generation: () => workload.identity.generation,
      onEmpty: (empty: UpstreamSource) => {
        if (this.#pools.get(key) === empty) this.#pools.delete(key);
      },
    };
  }

  #add(key: string, pool: UpstreamSource): UpstreamSource {
    this.#pools.set(key, pool);
    return pool;
  }

  seriesOfWorkload({ workload: destination, endpoint }: LiveEndpoint): SeriesTable {
    const { generation } = this.parts.workload.identity;
    if (generation !== this.#generation) {
      // Our own principal is a label; the first certificate brings it.
      this.#generation = generation;
      this.#seriesByWorkload = new WeakMap();
      this.#seriesByHost.clear();
    }
    const known = this.#seriesByWorkload.get(destination);
    if (known !== undefined) return known;
    const { service } = destination;
    const table = new SeriesTable(this.parts.recorder, {
      reporter: "source",
      source: peerOf(this.parts.workload),
      destination: {
        workload: destination.name,
        namespace: destination.namespace,
        service: service.name,
        version: destination.version,
        principal: endpoint.identity ?? "unknown",
      },
      destinationService: serviceFqdn(service),
      destinationServiceName: service.name,
      destinationServiceNamespace: service.namespace,
      security: "unknown",
    });
    this.#seriesByWorkload.set(destination, table);
    return table;
  }

  /** Where no workload was reached: a service without one, or a host outside the mesh. */
  seriesOfHost(
    host: string,
    service: { name: string; namespace: string } | undefined,
  ): SeriesTable {
    const known = this.#seriesByHost.get(host);
    if (known !== undefined) return known;
    const isFull = this.#seriesByHost.size >= MAX_NAMED_HOSTS;
    if (isFull && host !== "other") return this.seriesOfHost("other", undefined);
    const table = new SeriesTable(this.parts.recorder, {
      reporter: "source",
      source: peerOf(this.parts.workload),
      destination: UNKNOWN_PEER,
      destinationService: host,
      destinationServiceName: service?.name ?? "PassthroughCluster",
      destinationServiceNamespace: service?.namespace ?? "unknown",
      security: "unknown",
    });
    this.#seriesByHost.set(host, table);
    return table;
  }

  close(): void {
    for (const pool of [...this.#pools.values()]) pool.close();
  }
}
