import type { TurnedAwayReason } from "@heddle/contracts/control-stream";
import type { WorkloadId } from "@heddle/mesh";
import type { Logger } from "@heddle/runtime";
import type {
  EventCounter,
  ReportingWorkload,
  SeriesLabels,
  TcpSeriesLabels,
  TrafficRecorder,
  WorkloadSignals,
} from "../core/traffic-recorder.ts";
import type { AccessLog } from "./access-log.ts";
import { EventCounters } from "./event-counters.ts";
import { type LabelSet, tcpLabels, trafficLabels } from "./series-labels.ts";
import { SeriesTable } from "./series-table.ts";
import { SpanRing } from "./span-ring.ts";
import { Taps } from "./taps.ts";
import { addTo, TcpCounters } from "./tcp-counters.ts";
import { TrafficCounters } from "./traffic-counters.ts";
import { type AccessLogMode, HeldSignals, type SignalParts } from "./workload-signals.ts";

export type RecorderLimits = {
  readonly series: number;
  readonly spans: number;
  /** Plaintext callers told apart by address; further ones count as `other`. */
  readonly sourceAddresses: number;
  /** A series that has counted nothing for so long is given up (HEDDLE_METRICS_IDLE_MS). */
  readonly idleMs: number;
};

export const DEFAULT_RECORDER_LIMITS: RecorderLimits = {
  series: 4096, // about 2.6 KiB each
  spans: 20_000,
  sourceAddresses: 1000,
  idleMs: 3_600_000,
};

const FIRST_SERIES = 64;
const SWEEP_MS = 10_000;
const ADDRESS_LABEL = "heddle_source_address";

/** The numbers of one proxy process: counters, refused callers, spans to send. */
export class Recorder implements TrafficRecorder {
  readonly counters = new TrafficCounters(FIRST_SERIES);
  readonly table: SeriesTable;
  readonly tcp = new TcpCounters();
  readonly tcpTable: SeriesTable;
  readonly events: EventCounters;
  readonly spans: SpanRing;
  /** `undefined`: nobody wants one. */
  readonly accessLog: AccessLog | undefined;
  readonly taps = new Taps();
  readonly #signals = new WeakMap<ReportingWorkload, HeldSignals>();
  readonly #signalParts: SignalParts;
  readonly #now: () => number;
  readonly #addressLimit: number;
  readonly #sweepMs: number;
  #addresses = new Set<string>();
  #sweptMs = Number.NEGATIVE_INFINITY;

  constructor(options: {
    /** Where no Telemetry document says otherwise (HEDDLE_TRACE_SAMPLING). */
    readonly samplingRatio: number;
    readonly draw: () => number;
    /** The same for the log (HEDDLE_ACCESS_LOG); off when left out. */
    readonly accessLogMode?: AccessLogMode;
    readonly accessLog?: AccessLog;
    readonly environment?: Readonly<Record<string, string | undefined>>;
    readonly logger?: Logger;
    /** Epoch ms. */
    readonly now?: () => number;
    readonly limits?: Partial<RecorderLimits>;
  }) {
    const limits = { ...DEFAULT_RECORDER_LIMITS, ...options.limits };
    const { counters, tcp } = this;
    this.accessLog = options.accessLog;
    this.#signalParts = {
      defaults: {
        samplingRatio: options.samplingRatio,
        accessLog: options.accessLogMode ?? "off",
      },
      draw: options.draw,
      environment: options.environment ?? {},
      logger: options.logger,
      pushSpan: (span) => this.spans.push(span),
      pushLine: (line) => this.accessLog?.push(line),
      taps: this.taps,
    };
    this.#now = options.now ?? Date.now;
    this.#addressLimit = limits.sourceAddresses;
    this.#sweepMs = Math.min(SWEEP_MS, limits.idleMs);
    this.table = new SeriesTable(limits.series, limits.idleMs, {
      activityOf: (slot) => counters.requests[slot] as number,
      isHeld: () => false,
      clear: (slot) => counters.clear(slot),
    });
    this.tcpTable = new SeriesTable(limits.series, limits.idleMs, {
      activityOf: (slot) => (tcp.opened[slot] as number) + (tcp.closed[slot] as number),
      isHeld: (slot) => tcp.openOf(slot) > 0,
      clear: (slot) => tcp.clear(slot),
    });
    this.events = new EventCounters(limits.series, limits.idleMs);
    this.spans = new SpanRing(limits.spans);
  }

  get seriesEpoch(): number {
    return this.table.epoch + this.tcpTable.epoch;
  }

  series(labels: SeriesLabels): number {
    const slot = this.table.slotOf(trafficLabels(labels, this.#addressOf(labels)), this.#now());
    this.counters.reserve(slot + 1);
    return slot;
  }

  record(series: number, durationMs: number, requestBytes: number, responseBytes: number): void {
    this.counters.record(series, durationMs, requestBytes, responseBytes);
  }

  tcpSeries(labels: TcpSeriesLabels): number {
    const slot = this.tcpTable.slotOf(tcpLabels(labels, this.#addressOf(labels)), this.#now());
    this.tcp.reserve(slot + 1);
    return slot;
  }

  tcpOpened(series: number): void {
    addTo(this.tcp.opened, series, 1);
  }

  tcpBytes(series: number, sentBytes: number, receivedBytes: number): void {
    addTo(this.tcp.sentBytes, series, sentBytes);
    addTo(this.tcp.receivedBytes, series, receivedBytes);
  }

  tcpClosed(series: number): void {
    addTo(this.tcp.closed, series, 1);
  }

  counter(name: `heddle_${string}_total`, labels: Readonly<Record<string, string>>): EventCounter {
    return this.events.counter(name, labels, this.#now());
  }

  turnedAway(
    workload: WorkloadId,
    address: string,
    reason: TurnedAwayReason,
    isRefused: boolean,
  ): void {
    this.counter(isRefused ? "heddle_mtls_refused_total" : "heddle_mtls_would_refuse_total", {
      destination_workload: workload.name,
      destination_workload_namespace: workload.namespace,
      [ADDRESS_LABEL]: this.#boundedAddress(address),
      reason,
    }).add(1);
  }

  signalsOf(workload: ReportingWorkload): WorkloadSignals {
    const known = this.#signals.get(workload);
    if (known !== undefined) return known;
    const made = new HeldSignals(workload, this.#signalParts);
    this.#signals.set(workload, made);
    return made;
  }

  /** Gives up what has been idle for long; after a window was cut, so that nothing goes untold. */
  sweep(): void {
    const nowMs = this.#now();
    if (nowMs < this.#sweptMs + this.#sweepMs) return;
    this.#sweptMs = nowMs;
    this.table.sweep(nowMs);
    this.tcpTable.sweep(nowMs);
    this.events.sweep(nowMs);
    if (this.#addresses.size >= this.#addressLimit) this.#addresses = this.#addressesInUse();
  }

  #addressOf({ sourceAddress }: Pick<SeriesLabels, "sourceAddress">): string | undefined {
    return sourceAddress === undefined ? undefined : this.#boundedAddress(sourceAddress);
  }

  #boundedAddress(address: string): string {
    if (this.#addresses.has(address)) return address;
    if (this.#addresses.size >= this.#addressLimit) return "other";
    this.#addresses.add(address);
    return address;
  }

  #addressesInUse(): Set<string> {
    const inUse = new Set<string>();
    const note = (labels: LabelSet | undefined) => {
      const address = labels?.find(([name]) => name === ADDRESS_LABEL)?.[1];
      if (address !== undefined && address !== "other") inUse.add(address);
    };
    for (const table of [this.table, this.tcpTable]) {
      for (let slot = 0; slot < table.slotCount; slot++) note(table.labels(slot));
    }
    for (const { labels } of this.events.all) note(labels);
    return inUse;
  }
}
