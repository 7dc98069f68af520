import type {
  FailedBy,
  PairLabels,
  TrafficRecorder,
  WorkloadSignals,
} from "../core/traffic-recorder.ts";
import { tellRefused } from "./told-connection.ts";

/** The recorder's series of opaque connections between one pair of peers. */
export class TcpSeriesTable {
  readonly #recorder: TrafficRecorder;
  readonly pair: PairLabels;
  readonly signals: WorkloadSignals;
  readonly #series = new Map<string, number>();
  #epoch: number;

  constructor(recorder: TrafficRecorder, signals: WorkloadSignals, pair: PairLabels) {
    this.signals = signals;
    this.#recorder = recorder;
    this.pair = pair;
    this.#epoch = recorder.seriesEpoch;
  }

  /** Of connections that were opened with this result. */
  seriesOf(responseFlags: string, failedBy: FailedBy): number {
    if (this.#epoch !== this.#recorder.seriesEpoch) {
      this.#epoch = this.#recorder.seriesEpoch;
      this.#series.clear();
    }
    const key = `${responseFlags} ${failedBy}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const made = this.#recorder.tcpSeries({ ...this.pair, responseFlags, failedBy });
    this.#series.set(key, made);
    return made;
  }

  /** Counts a connection that found no other end; `authority`: as its client named that. */
  countRefused(responseFlags: string, failedBy: FailedBy, authority?: string): void {
    const series = this.seriesOf(responseFlags, failedBy);
    this.#recorder.tcpOpened(series);
    this.#recorder.tcpClosed(series);
    tellRefused(this, responseFlags, failedBy, authority);
  }
}
