import type { TurnedAwayReason } from "@heddle/contracts";
import { DEFAULT_LIMITS, type Http1Limits } from "@heddle/http1";
import type { MtlsMode } from "@heddle/mesh";
import { type DeadlineRegistry, deadlinesOf } from "../core/deadline-registry.ts";
import type { AppPort, HostedWorkload } from "../core/hosted-workload.ts";
import type { WorkloadSignals } from "../core/traffic-recorder.ts";
import { processClock } from "../transport/deadline-clock.ts";
import { DEFAULT_TIMEOUTS, type ExchangeTimeouts } from "../transport/exchange-timeouts.ts";
import { Http2Pool } from "../transport/http2-pool.ts";
import { SeriesTable } from "../transport/series-table.ts";
import { type PoolOptions, UpstreamPool } from "../transport/upstream-pool.ts";
import type { UpstreamSource } from "../transport/upstream-stream.ts";
import { Authentication } from "./authentication.ts";
import { Authorization } from "./authorization.ts";
import { CallerSeries } from "./caller-series.ts";
import { ExternalAuthorization } from "./external-authorization.ts";
import type { InboundParts } from "./inbound-parts.ts";
import { RateLimits } from "./rate-limits.ts";
import { InboundTcpSide } from "./tcp-side.ts";

const MAX_CONNECTIONS = 1_024;
const MAX_WAITING = 1_024;
/** Node's http server closes a connection that was idle for 5 s. */
const APP_IDLE_MS = 3_500;
const CONNECT_TIMEOUT_MS = 5_000;

/** One workload's side towards its callers: the pool to its app, and its series. */
export class InboundSide {
  readonly parts: InboundParts;
  readonly timeouts: ExchangeTimeouts;
  readonly limits: Http1Limits;
  readonly origin: string;
  readonly name: string;
  readonly appName: string;
  readonly signals: WorkloadSignals;
  readonly decideSampling: () => boolean;
  /** The port of the app it stands for; `undefined`: the workload has none to pass requests to. */
  readonly app: AppPort | undefined;
  /** For connections that are no HTTP. */
  readonly tcp: InboundTcpSide;
  /** `undefined` as `app`. */
  readonly pool: UpstreamSource | undefined;
  /** For gRPC, which needs HTTP/2: the same pool where the port is declared one or the other. */
  readonly grpcPool: UpstreamSource | undefined;
  /** Of both, the one that speaks HTTP/2. */
  readonly http2Pool: UpstreamSource | undefined;
  readonly authentication: Authentication;
  readonly authorization: Authorization;
  readonly externalAuthorization: ExternalAuthorization;
  readonly rateLimits: RateLimits;
  /** Until when callers wait for what the app is working on. */
  readonly deadlines: DeadlineRegistry;
  /** Of requests. */
  readonly series: CallerSeries<SeriesTable>;

  constructor(parts: InboundParts) {
    this.parts = parts;
    this.timeouts = parts.timeouts ?? DEFAULT_TIMEOUTS;
    this.limits = parts.limits ?? DEFAULT_LIMITS;
    const { id } = parts.workload;
    this.app = parts.app ?? firstPort(parts.workload);
    this.tcp = new InboundTcpSide(parts);
    this.name = `${id.namespace}/${id.name}`;
    this.origin = `inbound-proxy; workload=${this.name}`;
    this.appName = `app; workload=${this.name}`;
    this.signals = parts.recorder.signalsOf(parts.workload);
    this.decideSampling = () => this.signals.isSampled();
    this.authentication = new Authentication(parts.recorder, this.name);
    this.authorization = new Authorization(parts.recorder, this.name);
    this.externalAuthorization = new ExternalAuthorization(
      parts.recorder,
      this.name,
      () => parts.workload.outboundPort ?? 0,
    );
    this.rateLimits = new RateLimits(parts.recorder, this.name);
    this.deadlines = deadlinesOf(parts.workload);
    const { recorder, workload } = parts;
    this.series = new CallerSeries(workload, (pair) => new SeriesTable(recorder, pair));
    const { protocol } = this.app ?? {};
    const http1 =
      protocol === "http2" || protocol === "grpc" ? undefined : this.#makePool(UpstreamPool);
    this.http2Pool = protocol === "http" ? undefined : this.#makePool(Http2Pool);
    this.pool = http1 ?? this.http2Pool;
    this.grpcPool = this.http2Pool ?? http1;
  }

  #makePool(Pool: new (options: PoolOptions) => UpstreamSource): UpstreamSource | undefined {
    const { app } = this;
    if (app === undefined) return undefined;
    return new Pool({
      clock: processClock,
      maxConnections: MAX_CONNECTIONS,
      maxWaiting: MAX_WAITING,
      limits: this.limits,
      idleMs: APP_IDLE_MS,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      generation: () => 0,
      target: () => ({ host: "127.0.0.1", port: app.port }),
      onEmpty: () => {},
    });
  }

  /** Closes what is idle, now and whenever an exchange ends. */
  close(): void {
    this.externalAuthorization.close();
    this.pool?.close();
    if (this.grpcPool !== this.pool) this.grpcPool?.close();
  }

  /** Live, as the workload's own mode, which `portLevelMtls` may override for a port of the app. */
  get mtlsMode(): MtlsMode {
    const { workload } = this.parts;
    const modes = workload.resource?.portMtlsModes;
    if (modes === undefined || this.app === undefined) return workload.mtlsMode;
    return modes[this.app.port] ?? workload.mtlsMode;
  }

  /** Whether TLS of the mesh ends here: not under DISABLE, once callers had time to hear of that. */
  get takesMeshTls(): boolean {
    if (this.mtlsMode !== "DISABLE") return true;
    const former = this.parts.workload.formerModes?.resource;
    if (former === undefined) return false;
    const port = this.app?.port ?? 0;
    return (former.portMtlsModes?.[port] ?? former.mtlsMode) !== "DISABLE";
  }

  /** Whether what STRICT would refuse is counted, and served. */
  get isDryRun(): boolean {
    return this.parts.workload.resource?.isStrictDryRun === true && this.mtlsMode === "PERMISSIVE";
  }

  /** Counts a caller that is refused for what it is; `isRefused` false: that would be, if STRICT held. */
  turnAway(address: string, reason: TurnedAwayReason, isRefused: boolean): void {
    const { workload, recorder, turnedAway } = this.parts;
    recorder.turnedAway(workload.id, address, reason, isRefused);
    turnedAway?.note(workload.id, address, reason, isRefused, Date.now());
  }
}

function firstPort({ appPort }: HostedWorkload): AppPort | undefined {
  return appPort === undefined ? undefined : { port: appPort, protocol: "http" };
}
