import type { TurnedAwayReason } from "@heddle/contracts/control-stream";
import { DEFAULT_LIMITS, type Http1Limits } from "@heddle/http1";
import type { MtlsMode } from "@heddle/mesh";
import { type DeadlineRegistry, deadlinesOf } from "../core/deadline-registry.ts";
import type { AppPort, HostedWorkload } from "../core/hosted-workload.ts";
import type { WorkloadSignals } from "../core/traffic-recorder.ts";
import { DEFAULT_TIMEOUTS, type ExchangeTimeouts } from "../transport/exchange-timeouts.ts";
import { SeriesTable } from "../transport/series-table.ts";
import { AppPools } from "./app-pools.ts";
import { Authentication } from "./authentication.ts";
import { Authorization } from "./authorization.ts";
import { CallerSeries } from "./caller-series.ts";
import { ExternalAuthorization } from "./external-authorization.ts";
import type { InboundParts } from "./inbound-parts.ts";
import { RateLimits } from "./rate-limits.ts";
import { InboundTcpSide } from "./tcp-side.ts";

/** One workload's side towards its callers: what its connections share. */
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
  readonly appPools: AppPools;
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
    this.appPools = new AppPools(parts.workload, this.app, this.limits);
    this.tcp = new InboundTcpSide(parts, this.appPools);
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
  }

  /** Closes what is idle, now and whenever an exchange ends. */
  close(): void {
    this.externalAuthorization.close();
    this.appPools.close();
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
