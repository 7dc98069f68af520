import type { WorkloadResource } from "@heddle/contracts/control-stream";
import { compileLogFilter, formatId, InvalidLogFilterError, type LogFilter } from "@heddle/mesh";
import type { Logger } from "@heddle/runtime";
import type {
  ConnectionRecord,
  ReadHeader,
  ReportingWorkload,
  SpanRecord,
  WorkloadSignals,
} from "../core/traffic-recorder.ts";
import { accessLogLine } from "./access-log-line.ts";
import { CustomTags, matchedHeaderTags } from "./custom-tags.ts";
import { isFailure } from "./is-failure.ts";
import type { Taps } from "./taps.ts";

/** Which requests are logged: none, those with an answer from 400 on or none or a gRPC failure, all. */
export type AccessLogMode = "off" | "errors" | "all";

/** What holds where no Telemetry document says otherwise. */
export type SignalDefaults = {
  readonly samplingRatio: number;
  readonly accessLog: AccessLogMode;
};

/** Where what is left goes. */
export type SignalParts = {
  readonly defaults: SignalDefaults;
  readonly draw: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger | undefined;
  readonly pushSpan: (span: SpanRecord) => void;
  readonly pushLine: (line: string) => void;
  readonly taps: Taps;
};

type Policy = {
  readonly samplingRatio: number;
  readonly reportsSpans: boolean;
  /** `undefined`: the log is off. */
  readonly logs: LogFilter | undefined;
  readonly tags: CustomTags | undefined;
};

const SPAN = 1;
const LINE = 2;
const TAP = 4;
const LOG_ERRORS: LogFilter = ({ code, grpcStatus }) =>
  code === 0 || code >= 400 || grpcStatus !== 0;
const LOG_ALL: LogFilter = () => true;

/**
 * One workload's spans and access log as its Telemetry documents want them, compiled when they change; and what
 * somebody taps of it.
 */
export class HeldSignals implements WorkloadSignals {
  readonly #workload: ReportingWorkload;
  /** The workload's id, as taps name it. */
  readonly #name: string;
  readonly #parts: SignalParts;
  #resource: WorkloadResource | undefined;
  #policy: Policy;

  constructor(workload: ReportingWorkload, parts: SignalParts) {
    this.#workload = workload;
    this.#name = formatId(workload.id);
    this.#parts = parts;
    this.#resource = workload.resource;
    this.#policy = this.#compile();
  }

  isSampled(): boolean {
    const { samplingRatio } = this.#current();
    return samplingRatio > 0 && this.#parts.draw() < samplingRatio;
  }

  wanted(
    isSampled: boolean,
    status: number,
    grpcStatus: string | undefined,
    durationMs: number,
    requestBytes: number,
    responseBytes: number,
  ): number {
    const { reportsSpans, logs } = this.#current();
    const isTold = reportsSpans && (isSampled || isFailure(status, grpcStatus));
    const told = (isTold ? SPAN : 0) | (this.#parts.taps.hears(this.#name) ? TAP : 0);
    if (logs === undefined) return told;
    const isLogged = logs({
      code: status,
      grpcStatus: Number(grpcStatus ?? 0),
      durationMs,
      requestBytes,
      responseBytes,
    });
    return told | (isLogged ? LINE : 0);
  }

  leave(wanted: number, exchange: SpanRecord, header: ReadHeader): void {
    if ((wanted & SPAN) !== 0) this.#parts.pushSpan(this.#withTags(exchange, header));
    if ((wanted & LINE) !== 0) this.#parts.pushLine(accessLogLine(exchange, header));
    if ((wanted & TAP) === 0) return;
    this.#parts.taps.catchExchange(this.#name, exchange, (wanted & SPAN) !== 0, header);
  }

  get hearsConnections(): boolean {
    return this.#parts.taps.hears(this.#name);
  }

  leaveConnection(connection: ConnectionRecord): void {
    this.#parts.taps.catchConnection(this.#workload, this.#name, connection);
  }

  #withTags(exchange: SpanRecord, header: ReadHeader): SpanRecord {
    const { tags } = this.#policy;
    const { matchedHeaders = [] } = exchange;
    if (tags === undefined && matchedHeaders.length === 0) return exchange;
    const matched = matchedHeaderTags(matchedHeaders, header);
    return { ...exchange, tags: [...(tags?.of(header) ?? []), ...matched] };
  }

  #current(): Policy {
    const { resource } = this.#workload;
    if (resource !== this.#resource) {
      this.#resource = resource;
      this.#policy = this.#compile();
    }
    return this.#policy;
  }

  #compile(): Policy {
    const { defaults, environment } = this.#parts;
    const telemetry = this.#resource?.telemetry ?? {};
    return {
      samplingRatio: telemetry.samplingRatio ?? defaults.samplingRatio,
      reportsSpans: telemetry.reportsSpans ?? true,
      logs: this.#compileLog(telemetry.accessLog ?? defaults.accessLog, telemetry.accessLogFilter),
      tags: telemetry.customTags && new CustomTags(telemetry.customTags, environment),
    };
  }

  #compileLog(mode: AccessLogMode, filter: string | undefined): LogFilter | undefined {
    if (mode === "off") return undefined;
    const ofMode = mode === "errors" ? LOG_ERRORS : LOG_ALL;
    if (filter === undefined) return ofMode;
    try {
      const ofRule = compileLogFilter(filter);
      return mode === "all" ? ofRule : (facts) => ofMode(facts) && ofRule(facts);
    } catch (error) {
      if (!(error instanceof InvalidLogFilterError)) throw error;
      // The control plane has checked it; one that is newer may know more. Better too much than nothing.
      this.#parts.logger?.warn({ reason: error.message }, "logging all requests");
      return ofMode;
    }
  }
}
