import type { WorkloadId } from "@heddle/mesh";
import type {
  EventCounter,
  SeriesLabels,
  SpanRecord,
  TcpSeriesLabels,
  TrafficRecorder,
} from "../core/traffic-recorder.ts";
import { EventCounters } from "./event-counters.ts";
import { tcpLabels, trafficLabels } from "./series-labels.ts";
import { SeriesTable } from "./series-table.ts";
import { SpanRing } from "./span-ring.ts";
import { addTo, TcpCounters } from "./tcp-counters.ts";
import { TrafficCounters } from "./traffic-counters.ts";

export type RecorderLimits = {
  readonly series: number;
  readonly spans: number;
  /** Plaintext callers told apart by address; further ones count as `other`. */
  readonly sourceAddresses: number;
};

export const DEFAULT_RECORDER_LIMITS: RecorderLimits = {
  series: 4096, // about 2.6 KiB each
  spans: 20_000,
  sourceAddresses: 1000,
};

const FIRST_SERIES = 64;

/** The numbers of one proxy process: counters, refused callers, spans to send. */
export class Recorder implements TrafficRecorder {
  readonly table: SeriesTable;
  readonly counters = new TrafficCounters(FIRST_SERIES);
  readonly tcpTable: SeriesTable;
  readonly tcp = new TcpCounters();
  readonly events: EventCounters;
  readonly refusedTable: SeriesTable;
  /** Closed plaintext connections since the start, by `refusedTable` index. */
  readonly refused: number[] = [0];
  readonly spans: SpanRing;
  readonly #samplingRatio: number;
  readonly #draw: () => number;
  readonly #addressLimit: number;
  readonly #addresses = new Set<string>();

  constructor(options: {
    readonly samplingRatio: number;
    readonly draw: () => number;
    readonly limits?: RecorderLimits;
  }) {
    const limits = options.limits ?? DEFAULT_RECORDER_LIMITS;
    this.#samplingRatio = options.samplingRatio;
    this.#draw = options.draw;
    this.#addressLimit = limits.sourceAddresses;
    this.table = new SeriesTable(limits.series);
    this.tcpTable = new SeriesTable(limits.series);
    this.events = new EventCounters(limits.series);
    this.refusedTable = new SeriesTable(limits.series);
    this.spans = new SpanRing(limits.spans);
  }

  series(labels: SeriesLabels): number {
    const index = this.table.indexOf(trafficLabels(labels, this.#addressOf(labels)));
    this.counters.reserve(index + 1);
    return index;
  }

  record(series: number, durationMs: number, requestBytes: number, responseBytes: number): void {
    this.counters.record(series, durationMs, requestBytes, responseBytes);
  }

  tcpSeries(labels: TcpSeriesLabels): number {
    const index = this.tcpTable.indexOf(tcpLabels(labels, this.#addressOf(labels)));
    this.tcp.reserve(index + 1);
    return index;
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
    return this.events.counter(name, labels);
  }

  plaintextRefused(workload: WorkloadId, address: string): void {
    const index = this.refusedTable.indexOf([
      ["destination_workload", workload.name],
      ["destination_workload_namespace", workload.namespace],
      ["heddle_source_address", this.#boundedAddress(address)],
    ]);
    this.refused[index] = (this.refused[index] ?? 0) + 1;
  }

  isSampled(): boolean {
    return this.#samplingRatio > 0 && this.#draw() < this.#samplingRatio;
  }

  span(span: SpanRecord): void {
    this.spans.push(span);
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
}
